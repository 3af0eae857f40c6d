/* program.h - a graph recorded once and run again on other numbers, without making a node.
 *
 *     Value *x[] = {value_leaf(2), value_leaf(3)};
 *     Value *y = value_tanh(value_mul(x[0], x[1]));
 *     Program *program = program_record(1, &y, 2, x);
 *     ProgramWorkspace *room = program_workspace_new(program, 1);
 *     real result, gradient[2];
 *     program_run(program, room, 2, (real[]){0.5, -1}, &result, NULL, gradient);
 *
 * Recording writes the graph out in scalar operations (a tensor operation as the many that it stands for),
 * puts some of them together and sorts them. Running allocates nothing, sorts nothing and touches no
 * graph; the graph may be gone.
 *
 * What is recorded is what the graph's nodes compute. Choices that operations make (relu, max, a tie) are
 * made anew on the new numbers; choices that the C program made while it built the graph are not. Leaves
 * that are no inputs count as constants, with the number that they had.
 *
 * Threads. A Program never changes and may be run by any number of threads at once, each with a workspace
 * of its own.
 *
 * Errors. As in error.h. A number that a graph would compute is computed here as well, in the same order of
 * operations but for long sums, so up to rounding. */
#ifndef VALGRAD_PROGRAM_H
#define VALGRAD_PROGRAM_H

#include <stdio.h>
#include <valgrad/tensor.h>
#include <valgrad/value.h>

VALGRAD_BEGIN

typedef struct Program Program;
typedef struct ProgramWorkspace ProgramWorkspace;

/* New: what the roots compute from the inputs, which are leaves or constants. Only inputs that want a
 * gradient get one.
 * Errors: NULL; no root; an input that is the result of an operation, that is given twice, or that no root
 * depends on; a leaf changed since the graph used it; an operation of the user's (value_custom), whose
 * functions belong to the graph; out of memory. */
VALGRAD_API Program *program_record(size_t root_count, Value *const *roots, size_t input_count,
                                    Value *const *inputs);

/* New: the same of all elements of a tensor, by all elements of the input tensors, one after another. */
VALGRAD_API Program *program_record_tensor(Tensor *root, size_t input_count, Tensor *const *inputs);

/* Gives it back. NULL does nothing. Its workspaces must be gone. */
VALGRAD_API void program_free(Program *program);

/* How many numbers go in and come out, and how many instructions there are. 0 for NULL. */
VALGRAD_API size_t program_input_count(const Program *program);
VALGRAD_API size_t program_root_count(const Program *program);
VALGRAD_API size_t program_instruction_count(const Program *program);

/* New: room for one thread to run the program on `batch` sets of numbers at once, at least 1. It takes 16
 * bytes for each instruction and set in double, of at most 8 sets. Errors: NULL; batch; out of memory. */
VALGRAD_API ProgramWorkspace *program_workspace_new(const Program *program, size_t batch);
VALGRAD_API void program_workspace_free(ProgramWorkspace *workspace); /* NULL does nothing */

/* Runs the program. Numbers of a batch stand side by side: input i of set b is inputs[i * batch + b], and so
 * for results, seeds and gradients.
 *
 * results    root_count x batch numbers; NULL: not asked for
 * seeds      d something / d results; NULL stands for ones
 * gradients  input_count x batch numbers: for each set the sum over roots of seed times
 *            d root / d input, 0 for inputs that want none; NULL: not asked for, nothing is computed
 *
 * `count` is input_count * batch, to be checked. A gradient of exactly 0 passes 0 on, as in value_backward().
 * Errors: NULL; count; a workspace of another program. On error nothing is written. */
VALGRAD_API ValgradStatus program_run(const Program *program, ProgramWorkspace *workspace,
                                      size_t count, const real *inputs, real *results,
                                      const real *seeds, real *gradients);

/* ---- as C -------------------------------------------------------------------------------------- */

/* Writes the program as C99 to a file that the caller has opened and closes: a function called `name`
 * that computes the roots' numbers and the derivatives of their sum by the inputs (all of them, constants
 * too),
 *
 *     void name(const double *in, double *out, double *din, double *room);
 *
 * (float where real is), constants name_inputs, name_results and name_room that say how long the arrays are, and
 * what is needed besides; it includes <math.h> and the like and nothing else. Repetitions are found and
 * written as loops; without any, each operation is a line. Labels stand beside.
 * Errors: NULL; a name that is no C identifier or one of a function that formulas use; those of
 * program_record() but for inputs that are not used; the file cannot be written (IO). What was written by
 * then stays. */
VALGRAD_API ValgradStatus value_emit_c(const char *name, size_t root_count, Value *const *roots,
                                       size_t input_count, Value *const *inputs, FILE *out);

/* The same from a tensor by all elements of the input tensors, one after another. */
VALGRAD_API ValgradStatus tensor_emit_c(const char *name, Tensor *root, size_t input_count,
                                        Tensor *const *inputs, FILE *out);

VALGRAD_END

#endif
