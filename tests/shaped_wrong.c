/* shaped_wrong.c - programs whose sizes do not fit, chosen by -DWRONG=…; they must not compile. */
#include <valgrad/shaped.h>

void *product(Matrix(5, 2) a, Matrix(3, 3) b, Matrix(2, 3) c, Vector(4) v);

void *product(Matrix(5, 2) a, Matrix(3, 3) b, Matrix(2, 3) c, Vector(4) v)
{
    const int64_t labels[4] = {0};
    (void)b, (void)v, (void)labels;
#if WRONG == 1
    return matrix_matmul(a, b);
#elif WRONG == 2
    return matrix_affine(a, c, v);
#elif WRONG == 3
    return matrix_add(a, b);
#elif WRONG == 4
    return matrix_cross_entropy(a, labels);
#elif WRONG == 5
    return matrix_mse(a, c);
#elif WRONG == 6
    Matrix(5, 4) result = matrix_matmul(a, c);
    return result;
#elif WRONG == 7
    return matrix_matmul(matrix_matmul(a, c), a); /* (5, 3), (5, 2) */
#else
    Matrix(5, 3) result = matrix_matmul(a, c); /* what is right does compile */
    return matrix_matmul(matrix_matmul(result, b), matrix_transpose(c));
#endif
}
