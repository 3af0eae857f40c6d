/* image_move.c - images moved and turned, for data that shall be more various than they are. */
#include "nn/image_internal.h"

#include <math.h>
#include <stdbool.h>

/* The ink at a whole place; 0 outside. */
static double ink(const uint8_t *from, int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    bool inside = row >= 0 && row < rows && column >= 0 && column < columns;
    return inside ? from[row * columns + column] : 0;
}

/* The ink between four pixels, each weighted by how near it is. */
static double sample(const uint8_t *from, int64_t rows, int64_t columns, double row, double column)
{
    double top = floor(row), left = floor(column), down = row - top, right = column - left;
    int64_t i = (int64_t)top, j = (int64_t)left;
    return (1 - down) * ((1 - right) * ink(from, rows, columns, i, j) +
                         right * ink(from, rows, columns, i, j + 1)) +
           down * ((1 - right) * ink(from, rows, columns, i + 1, j) +
                   right * ink(from, rows, columns, i + 1, j + 1));
}

void image__move(const uint8_t *from, int64_t rows, int64_t columns, double down, double right,
                 double degrees, uint8_t *to)
{
    const double angle = degrees * (3.14159265358979323846 / 180), c = cos(angle), s = sin(angle);
    const double middle_row = (double)(rows - 1) / 2, middle_column = (double)(columns - 1) / 2;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            /* where this pixel comes from: moved back, then turned back about the centre */
            double y = (double)i - middle_row - down, x = (double)j - middle_column - right;
            double row = middle_row + c * y + s * x, column = middle_column - s * y + c * x;
            to[i * columns + j] = (uint8_t)lround(sample(from, rows, columns, row, column));
        }
}
