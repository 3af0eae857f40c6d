# Installs BUILD, moves the installed tree elsewhere, and builds and runs a user's project against it: by
# CMake and by pkg-config, with the shared and with the static library, in C and in C++.

file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/moved)

function(run)
  execute_process(COMMAND ${ARGV} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\nended with ${status}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect_nine_six)
  run(${ARGV})
  if(NOT output STREQUAL "9 6")
    message(FATAL_ERROR "${ARGV} should print '9 6', and prints '${output}'")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
file(RENAME ${WORK}/first ${prefix})
set(ENV{LD_LIBRARY_PATH} ${prefix}/${LIBDIR})
set(ENV{PKG_CONFIG_PATH} ${prefix}/${LIBDIR}/pkgconfig)

foreach(static OFF ON)
  run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/static-${static}
    -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_C_COMPILER=${C_COMPILER}
    -D NAME=${NAME} -D VERSION=${VERSION} -D VALGRAD_USE_STATIC_LIBS=${static})
  run(${CMAKE_COMMAND} --build ${WORK}/static-${static})
  expect_nine_six(${WORK}/static-${static}/consumer)
endforeach()

function(build_by_pkg_config)
  run(${PKG_CONFIG} --cflags --libs ${ARGN} ${NAME})
  separate_arguments(flags UNIX_COMMAND "${output}")
  set(source ${CMAKE_CURRENT_LIST_DIR}/main.c)
  run(${C_COMPILER} -std=c11 ${source} ${flags} -o ${WORK}/by-pkg-config)
  expect_nine_six(${WORK}/by-pkg-config)
  if(CXX_COMPILER)
    run(${CXX_COMPILER} -std=c++17 -x c++ ${source} -x none ${flags} -o ${WORK}/by-pkg-config)
    expect_nine_six(${WORK}/by-pkg-config)
  endif()
endfunction()

build_by_pkg_config()
# With the shared library gone the linker takes the static one.
file(GLOB shared ${prefix}/${LIBDIR}/lib${NAME}.so*)
file(REMOVE ${shared})
build_by_pkg_config(--static)

# The installed program works where it lies now, with the data beside it.
if(EXISTS ${prefix}/bin/${NAME}-mnist)
  run(${prefix}/bin/${NAME}-mnist --train-limit 64 --epochs 1)
endif()
