# Writes include/valgrad/debug.h from the prototypes in value.h, tensor.h and nn.h:
#
#     cmake -P cmake/debug_header.cmake
#
# With -D CHECK=ON it writes nothing and fails if the file is not what it would write.
cmake_minimum_required(VERSION 3.22)
set(include ${CMAKE_CURRENT_LIST_DIR}/../include/valgrad)

# These return what was there before.
set(others value_made_at value_retain value_operand tensor_made_at tensor_retain nn_linear_weight nn_linear_bias
  nn_parameters_at nn_parameters_find tensor_at)

set(text [[
/* debug.h - file and line in errors: for programs, while a fault is looked for.
 *
 *     #include <valgrad/valgrad.h> // with VALGRAD_DEBUG defined, or
 *     #include <valgrad/debug.h>   // after all other headers of the library
 *
 *     valgrad_set_anomaly_trap(true);
 *     Value *y = value_log(x);
 *     // value_log: the result is nan, from x = -1 (leaf 'margin' made at fit.c:41) (fit.c:57)
 *
 * Each maker becomes a macro of its own name, so that an error says from which line of the program the
 * maker was called; under the anomaly trap nodes remember theirs. Costs a call for each node.
 *
 * Written by cmake/debug_header.cmake from the other headers. */
#ifndef VALGRAD_DEBUG_H
#define VALGRAD_DEBUG_H

#include <valgrad/nn.h>
#include <valgrad/tensor.h>
#include <valgrad/value.h>

]])
foreach(header value tensor nn)
  file(STRINGS ${include}/${header}.h prototypes REGEX "^VALGRAD_API (Value|Tensor) \\*[a-z0-9_]+\\(")
  foreach(prototype IN LISTS prototypes)
    string(REGEX MATCH "^VALGRAD_API (Value|Tensor) \\*([a-z0-9_]+)" found "${prototype}")
    set(name ${CMAKE_MATCH_2})
    string(TOLOWER ${CMAKE_MATCH_1} kind)
    if(NOT name IN_LIST others)
      string(APPEND text
        "#define ${name}(...) ${kind}_made_at(${name}(__VA_ARGS__), __FILE__, __LINE__)\n")
    endif()
  endforeach()
endforeach()
string(APPEND text "\n#endif\n")

set(present "")
if(EXISTS ${include}/debug.h)
  file(READ ${include}/debug.h present)
endif()
if(NOT CHECK)
  file(WRITE ${include}/debug.h "${text}")
elseif(NOT present STREQUAL text)
  message(FATAL_ERROR "include/valgrad/debug.h is stale: cmake -P cmake/debug_header.cmake writes it anew")
endif()
