# Counts the instructions that workloads of the benchmarks take, which no other program disturbs, and holds
# them against the file COUNTS: 3 % more than there is a failure. Of its lines
#
#     program workload instructions
#
# the first says instead by which COMPILER they were counted; another compiler makes other code, so with
# another one there is nothing to compare. The kernels are those that every processor of this family has.
#
#     cmake -D BENCH=build/release/bench -D COUNTS=tests/instruction_counts.txt -D COMPILER="GNU 12.2.0 x86_64" \
#           -D VALGRIND=valgrind -D UPDATE=1 -P tests/instruction_counts.cmake
#
# writes the file anew, for a change that is meant to take more, or that takes less.

set(ENV{VALGRAD_ISA} base)
set(ENV{GLIBC_TUNABLES} glibc.cpu.hwcaps=-AVX2,-FMA,-AVX_Fast_Unaligned_Load,-ERMS)

function(count program workload result)
  execute_process(
    COMMAND ${VALGRIND} --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=bench_counted
      ${BENCH}/${program} --count ${workload}
    OUTPUT_VARIABLE printed ERROR_VARIABLE counted RESULT_VARIABLE status)
  if(NOT status EQUAL 0 OR NOT counted MATCHES "Collected : ([0-9]+)")
    message(FATAL_ERROR "${program} --count ${workload} ended with ${status}:\n${printed}${counted}")
  endif()
  set(${result} ${CMAKE_MATCH_1} PARENT_SCOPE)
endfunction()

file(STRINGS ${COUNTS} lines)
list(POP_FRONT lines compiler)
if(NOT UPDATE AND NOT compiler STREQUAL "${COMPILER}")
  message("skipped: counted with ${compiler}, and this is ${COMPILER}")
  return()
endif()

set(written "${COMPILER}\n")
set(failed "")
foreach(line IN LISTS lines)
  separate_arguments(words UNIX_COMMAND "${line}")
  list(GET words 0 program)
  list(GET words 1 workload)
  list(GET words 2 expected)
  count(${program} ${workload} instructions)
  string(APPEND written "${program} ${workload} ${instructions}\n")
  math(EXPR most "${expected} + ${expected} * 3 / 100")
  math(EXPR percent "100 * ${instructions} / ${expected}")
  message("${program} ${workload}: ${instructions} instructions, ${percent} % of ${expected}")
  if(instructions GREATER most)
    list(APPEND failed "${program} ${workload}")
  endif()
endforeach()
if(UPDATE)
  file(WRITE ${COUNTS} "${written}")
elseif(failed)
  message(FATAL_ERROR "more than 3 % above the counts in ${COUNTS}: ${failed}. If this is meant: the same "
                      "command with -D UPDATE=1")
endif()
