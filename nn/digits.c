/* digits.c - handwriting in an image brought to the form of MNIST's digits.
 *
 * Ink is found (polarity, threshold), pieces of it that hang together are found, pieces that lie above
 * one another are one digit; each is scaled to 20 x 20 and centred by mass in 28 x 28. */
#include <valgrad/image.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

enum { SIDE = NN_DIGIT_SIDE, BOX = 20, INK = 128, MOST_PIECES = 5000 };

static const char function[] = "nn_digits_new";

struct NnDigits {
    int64_t count;
    uint8_t *pixels; /* count images of SIDE x SIDE */
};

/* Ink that hangs together, or, later, a digit. */
typedef struct Piece {
    int64_t top, left, bottom, right; /* the last two are past the end */
    int64_t area;                     /* pixels of ink */
    int32_t digit;                    /* the piece that it is part of; its own number if none */
    int64_t line;                     /* of writing */
} Piece;

typedef struct Page {
    int64_t rows, columns;
    uint8_t *ink;    /* 0 for paper, 255 for ink */
    int32_t *labels; /* of each pixel: the number of its piece + 1, 0 for none */
    Piece *pieces;
    int32_t count;
} Page;

/* ---- ink ------------------------------------------------------------------------------------- */

/* The grey level that best parts dark from light: it makes the variance between the two classes
 * greatest. Dark is what is below or at it. */
static int otsu_threshold(const int64_t histogram[256], int64_t n)
{
    double all = 0, dark = 0, sum_dark = 0, best = -1;
    int threshold = 0;
    for (int g = 0; g < 256; g++)
        all += (double)g * (double)histogram[g];
    for (int g = 0; g < 255; g++) {
        dark += (double)histogram[g];
        sum_dark += (double)g * (double)histogram[g];
        double light = (double)n - dark;
        if (dark == 0 || light == 0)
            continue;
        double difference = sum_dark / dark - (all - sum_dark) / light;
        double between = dark * light * difference * difference;
        if (between > best) {
            best = between;
            threshold = g;
        }
    }
    return threshold;
}

/* Mean level of the pixels from `from` to `to`. */
static double mean_level(const int64_t histogram[256], int from, int to)
{
    double sum = 0, n = 0;
    for (int g = from; g <= to; g++) {
        sum += (double)g * (double)histogram[g];
        n += (double)histogram[g];
    }
    return n > 0 ? sum / n : (from + to) / 2.0;
}

/* Fills page->ink: 0 at the paper's mean level, 255 at the ink's and beyond. False if the image is of
 * one level only. */
static bool find_ink(const NnImage *image, Page *page)
{
    int64_t histogram[256] = {0}, n = image->rows * image->columns, dark = 0;
    for (int64_t i = 0; i < n; i++)
        histogram[image->pixels[i]]++;
    int threshold = otsu_threshold(histogram, n);
    for (int g = 0; g <= threshold; g++)
        dark += histogram[g];
    if (dark == 0 || dark == n)
        return false;
    double low = mean_level(histogram, 0, threshold),
           high = mean_level(histogram, threshold + 1, 255);
    double paper = dark > n / 2 ? low : high, ink = dark > n / 2 ? high : low;
    for (int64_t i = 0; i < n; i++) {
        double part = (image->pixels[i] - paper) / (ink - paper);
        const double faint = 0.1; /* unevenness of paper */
        page->ink[i] = (uint8_t)lround(255 * (part < faint ? 0 : part > 1 ? 1 : part));
    }
    return true;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static void widen(Piece *piece, const Piece *by)
{
    piece->top = by->top < piece->top ? by->top : piece->top;
    piece->left = by->left < piece->left ? by->left : piece->left;
    piece->bottom = by->bottom > piece->bottom ? by->bottom : piece->bottom;
    piece->right = by->right > piece->right ? by->right : piece->right;
    piece->area += by->area;
}

/* Labels all ink that hangs together with pixel `start`, neighbours across corners too. `stack` has
 * room for every pixel. */
static void flood(Page *page, int64_t start, int32_t *stack)
{
    int32_t label = page->count + 1;
    Piece *piece = &page->pieces[page->count];
    int64_t height = 0;
    *piece = (Piece){page->rows, page->columns, 0, 0, 0, page->count, 0};
    page->labels[start] = label;
    stack[height++] = (int32_t)start;
    while (height > 0) {
        int64_t at = stack[--height], row = at / page->columns, column = at % page->columns;
        widen(piece, &(Piece){row, column, row + 1, column + 1, 1, 0, 0});
        for (int64_t i = row > 0 ? row - 1 : 0; i <= row + 1 && i < page->rows; i++)
            for (int64_t j = column > 0 ? column - 1 : 0; j <= column + 1 && j < page->columns;
                 j++) {
                int64_t next = i * page->columns + j;
                if (page->ink[next] < INK || page->labels[next])
                    continue;
                page->labels[next] = label;
                stack[height++] = (int32_t)next;
            }
    }
    page->count++;
}

/* How many pieces there are at most: a pixel of ink has no neighbour of another piece. */
static int64_t most_pieces(const Page *page)
{
    return ((page->rows + 1) / 2) * ((page->columns + 1) / 2);
}

static bool find_pieces(Page *page)
{
    int64_t n = page->rows * page->columns;
    int32_t *stack = nn__bytes(function, n, sizeof *stack);
    page->labels = nn__zeros(function, n, sizeof *page->labels);
    page->pieces = nn__bytes(function, most_pieces(page), sizeof *page->pieces);
    bool room = stack && page->labels && page->pieces;
    for (int64_t i = 0; room && i < n; i++)
        if (page->ink[i] >= INK && !page->labels[i])
            flood(page, i, stack);
    nn__free(stack);
    return room;
}

static int64_t overlap(int64_t a, int64_t a_end, int64_t b, int64_t b_end)
{
    int64_t begin = a > b ? a : b, end = a_end < b_end ? a_end : b_end;
    return end - begin;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Whether two pieces are strokes of one digit: the greater part of the narrower lies above or below the
 * other, not farther away than half the height of the taller. */
static bool belong_together(const Piece *a, const Piece *b)
{
    int64_t width = smaller(a->right - a->left, b->right - b->left);
    int64_t a_height = a->bottom - a->top, b_height = b->bottom - b->top;
    int64_t taller = a_height > b_height ? a_height : b_height;
    int64_t gap = -overlap(a->top, a->bottom, b->top, b->bottom);
    return 2 * overlap(a->left, a->right, b->left, b->right) > width && 2 * gap < taller;
}

/* The piece that stands for the digit to which piece i belongs. */
static int32_t digit_of(const Page *page, int32_t i)
{
    while (page->pieces[i].digit != i)
        i = page->pieces[i].digit;
    return i;
}

/* Unites strokes. The digits' boxes grow, so it goes on until nothing changes. */
static void join_pieces(Page *page, bool several)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (int32_t i = 0; i < page->count; i++)
            for (int32_t j = i + 1; j < page->count && page->pieces[i].digit == i; j++) {
                if (page->pieces[j].digit != j ||
                    (several && !belong_together(&page->pieces[i], &page->pieces[j])))
                    continue;
                widen(&page->pieces[i], &page->pieces[j]);
                page->pieces[j].digit = i;
                changed = true;
            }
    }
}

/* Drops specks: what is far smaller than the greatest piece. Noise would make very many. */
static void drop_specks(Page *page)
{
    const int64_t part = 25;
    int64_t greatest = 0;
    int32_t kept = 0;
    int32_t *renamed = page->labels;
    for (int32_t i = 0; i < page->count; i++)
        greatest = page->pieces[i].area > greatest ? page->pieces[i].area : greatest;
    for (int64_t i = 0; i < page->rows * page->columns; i++)
        if (renamed[i] && page->pieces[renamed[i] - 1].area * part < greatest) {
            renamed[i] = 0;
            page->ink[i] = 0;
        }
    for (int32_t i = 0; i < page->count; i++)
        page->pieces[i].digit = page->pieces[i].area * part < greatest ? -1 : kept++;
    for (int64_t i = 0; i < page->rows * page->columns; i++)
        if (renamed[i])
            renamed[i] = page->pieces[renamed[i] - 1].digit + 1;
    for (int32_t i = 0; i < page->count; i++)
        if (page->pieces[i].digit >= 0) {
            int32_t to = page->pieces[i].digit;
            page->pieces[to] = page->pieces[i];
            page->pieces[to].digit = to;
        }
    page->count = kept;
}

/* ---- the form of MNIST ----------------------------------------------------------------------- */

/* The ink of digit d at a place: none if another digit's ink is there. */
static double ink_of(const Page *page, int32_t d, int64_t row, int64_t column)
{
    int64_t at = row * page->columns + column;
    bool others = page->labels[at] && digit_of(page, page->labels[at] - 1) != d;
    return others ? 0 : page->ink[at];
}

/* The mean ink of the part of the page from (top, left) to (bottom, right), by area. */
static double mean_ink(const Page *page, int32_t d, double top, double left, double bottom,
                       double right)
{
    double sum = 0;
    for (int64_t i = (int64_t)top; (double)i < bottom && i < page->rows; i++) {
        double high = fmin(bottom, (double)i + 1) - fmax(top, (double)i);
        for (int64_t j = (int64_t)left; (double)j < right && j < page->columns; j++)
            sum +=
                high * (fmin(right, (double)j + 1) - fmax(left, (double)j)) * ink_of(page, d, i, j);
    }
    return sum / ((bottom - top) * (right - left));
}

/* Scales digit d to fit BOX x BOX; the sides that it then has. */
static void scale_digit(const Page *page, int32_t d, double box[BOX][BOX], int64_t *rows,
                        int64_t *columns)
{
    const Piece *piece = &page->pieces[d];
    int64_t height = piece->bottom - piece->top, width = piece->right - piece->left;
    double scale = (double)BOX / (double)(height > width ? height : width), darkest = 1;
    *rows = smaller(BOX, (int64_t)ceil((double)height * scale - 1e-9));
    *columns = smaller(BOX, (int64_t)ceil((double)width * scale - 1e-9));
    for (int64_t i = 0; i < *rows; i++)
        for (int64_t j = 0; j < *columns; j++) {
            double top = (double)piece->top + (double)i / scale;
            double left = (double)piece->left + (double)j / scale;
            box[i][j] = mean_ink(page, d, top, left, fmin(top + 1 / scale, (double)piece->bottom),
                                 fmin(left + 1 / scale, (double)piece->right));
            darkest = fmax(darkest, box[i][j]);
        }
    for (int64_t i = 0; i < *rows; i++)
        for (int64_t j = 0; j < *columns; j++)
            box[i][j] *= 255 / darkest; /* thin strokes turn pale when they shrink */
}

/* Where the box begins so that its centre of mass comes to the image's middle, within the image. */
static int64_t place(double mass, double moment, int64_t length)
{
    int64_t at = (int64_t)lround(SIDE / 2 - moment / mass);
    return at < 0 ? 0 : at > SIDE - length ? SIDE - length : at;
}

static void form_digit(const Page *page, int32_t d, uint8_t to[SIDE * SIDE])
{
    double box[BOX][BOX], mass = 0, down = 0, right = 0;
    int64_t rows, columns;
    scale_digit(page, d, box, &rows, &columns);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            mass += box[i][j];
            down += (double)i * box[i][j];
            right += (double)j * box[i][j];
        }
    int64_t top = place(mass, down, rows), left = place(mass, right, columns);
    memset(to, 0, SIDE * SIDE);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            to[(top + i) * SIDE + left + j] = (uint8_t)lround(box[i][j]);
}

/* ---- order of reading ------------------------------------------------------------------------ */

static int by_top(const void *a, const void *b)
{
    const Piece *x = a, *y = b;
    return x->top < y->top ? -1 : x->top > y->top;
}

static int by_line(const void *a, const void *b)
{
    const Piece *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->left < y->left ? -1 : x->left > y->left;
}

/* The digits, line by line and from left to right. A digit begins a new line if its middle is below all
 * of the line before. */
static int64_t order_digits(const Page *page, Piece *digits)
{
    int64_t count = 0, line = 0, bottom = 0;
    for (int32_t i = 0; i < page->count; i++)
        if (page->pieces[i].digit == i)
            digits[count++] = page->pieces[i];
    qsort(digits, (size_t)count, sizeof *digits, by_top);
    for (int64_t i = 0; i < count; i++) {
        bool below = i > 0 && (digits[i].top + digits[i].bottom) / 2 >= bottom;
        line += below;
        bottom = below || digits[i].bottom > bottom ? digits[i].bottom : bottom;
        digits[i].line = line;
    }
    qsort(digits, (size_t)count, sizeof *digits, by_line);
    return count;
}

/* ---- all ------------------------------------------------------------------------------------- */

static bool form_digits(const Page *page, NnDigits *digits)
{
    Piece *order = nn__bytes(function, page->count, sizeof *order);
    int64_t count = order ? order_digits(page, order) : 0;
    digits->pixels = order ? nn__bytes(function, count, SIDE * SIDE) : NULL;
    for (int64_t i = 0; digits->pixels && i < count; i++)
        form_digit(page, order[i].digit, digits->pixels + i * SIDE * SIDE);
    digits->count = digits->pixels ? count : 0;
    nn__free(order);
    return digits->pixels != NULL;
}

/* Whether an image has MNIST's form already: its ink fits BOX x BOX and is centred by mass. */
static bool has_form(const Page *page)
{
    Piece box = {SIDE, SIDE, 0, 0, 0, 0, 0};
    double mass = 0, down = 0, right = 0;
    if (page->rows != SIDE || page->columns != SIDE)
        return false;
    for (int64_t i = 0; i < SIDE; i++)
        for (int64_t j = 0; j < SIDE; j++) {
            double ink = page->ink[i * SIDE + j];
            mass += ink;
            down += (double)i * ink;
            right += (double)j * ink;
            if (ink > 0)
                widen(&box, &(Piece){i, j, i + 1, j + 1, 1, 0, 0});
        }
    return box.bottom - box.top <= BOX && box.right - box.left <= BOX &&
           fabs(down / mass - SIDE / 2) <= 1 && fabs(right / mass - SIDE / 2) <= 1;
}

/* The image as it is, light on dark. */
static bool take_as_it_is(const NnImage *image, const Page *page, NnDigits *digits)
{
    int i = 0;
    digits->pixels = nn__bytes(function, 1, SIDE * SIDE);
    if (!digits->pixels)
        return false;
    while (page->ink[i])
        i++;
    bool light_paper = image->pixels[i] >= INK;
    for (i = 0; i < SIDE * SIDE; i++)
        digits->pixels[i] = light_paper ? (uint8_t)(255 - image->pixels[i]) : image->pixels[i];
    digits->count = 1;
    return true;
}

static bool find_digits(const NnImage *image, bool several, Page *page, NnDigits *digits)
{
    page->ink = nn__bytes(function, page->rows, (size_t)page->columns);
    if (!page->ink)
        return false;
    if (!find_ink(image, page))
        return true;
    if (!several && has_form(page))
        return take_as_it_is(image, page, digits);
    if (!find_pieces(page))
        return false;
    drop_specks(page);
    if (several && page->count > MOST_PIECES) {
        error__set(VALGRAD_ERROR_FORMAT, "%s: %d pieces of ink: expected digits, at most %d",
                   function, page->count, MOST_PIECES);
        return false;
    }
    join_pieces(page, several);
    return form_digits(page, digits);
}

NnDigits *nn_digits_new(const NnImage *image, bool several)
{
    if (!image || !image->pixels) {
        error__null(function, "image");
        return NULL;
    }
    if (image->rows < 1 || image->columns < 1 || image->rows > INT32_MAX / image->columns) {
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: an image of %lld x %lld: expected 1 x 1 or more",
                   function, (long long)image->rows, (long long)image->columns);
        return NULL;
    }
    Page page = {.rows = image->rows, .columns = image->columns};
    NnDigits *digits = nn__zeros(function, 1, sizeof *digits);
    bool done = digits && find_digits(image, several, &page, digits);
    nn__free(page.ink);
    nn__free(page.labels);
    nn__free(page.pieces);
    if (done)
        return digits;
    nn_digits_free(digits);
    return NULL;
}

void nn_digits_free(NnDigits *digits)
{
    if (!digits)
        return;
    nn__free(digits->pixels);
    nn__free(digits);
}

int64_t nn_digits_count(const NnDigits *digits)
{
    return digits ? digits->count : 0;
}

const uint8_t *nn_digits_pixels(const NnDigits *digits, int64_t i)
{
    return digits && i >= 0 && i < digits->count ? digits->pixels + i * SIDE * SIDE : NULL;
}
