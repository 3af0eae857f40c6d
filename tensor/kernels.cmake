# valgrad_add_kernels(<target>): compiles kernels.c and *_kernels.c once for each instruction set that the compiler
# can make for this processor family, and dispatch.c that picks one at run time, into <target>. Set
# POSITION_INDEPENDENT_CODE of a static target before the call.

include_guard()
include(CheckCCompilerFlag)

set(VALGRAD_KERNELS_DIR "${CMAKE_CURRENT_LIST_DIR}")

# One instruction set as an object library, which sees what <target> sees.
function(valgrad_kernels_variant target isa bytes)
  set(objects "${target}_kernels_${isa}")
  get_target_property(type ${target} TYPE)
  get_target_property(independent ${target} POSITION_INDEPENDENT_CODE)
  if(type MATCHES "^(SHARED|MODULE)_LIBRARY$")
    set(independent ON)
  elseif(NOT independent)
    set(independent OFF)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${VALGRAD_KERNELS_DIR}/*kernels.c")
  add_library(${objects} OBJECT ${sources})
  target_compile_definitions(${objects} PRIVATE
    KERNELS_ISA=${isa} KERNELS_VECTOR_BYTES=${bytes}
    "$<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>")
  target_include_directories(${objects} PRIVATE
    "${VALGRAD_KERNELS_DIR}" "${VALGRAD_KERNELS_DIR}/../include"
    "$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>")
  # Sanitizers check each load of the unrolled tiles, which takes a compiler long at -O3.
  set(level -O3)
  if(CMAKE_C_FLAGS MATCHES "-fsanitize")
    set(level -O1)
  endif()
  target_compile_options(${objects} PRIVATE
    "$<TARGET_PROPERTY:${target},COMPILE_OPTIONS>" ${ARGN}
    "$<$<OR:$<CONFIG:Release>,$<CONFIG:RelWithDebInfo>>:${level}>")
  set_target_properties(${objects} PROPERTIES
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden
    POSITION_INDEPENDENT_CODE "${independent}")
  if(TARGET valgrad_warnings)
    target_link_libraries(${objects} PRIVATE valgrad_warnings)
  endif()
  target_sources(${target} PRIVATE "$<TARGET_OBJECTS:${objects}>")
endfunction()

function(valgrad_add_kernels target)
  # Contraction gives fused multiply-adds; without errno and traps, square roots and choices vectorise.
  # NaN, infinity and signed zero keep their meaning: this is not -ffast-math.
  set(flags -ffp-contract=fast -fno-math-errno -fno-trapping-math)
  # Clang would warn of each loop that it leaves scalar.
  check_c_compiler_flag(-Wpass-failed VALGRAD_HAVE_WPASS_FAILED)
  if(VALGRAD_HAVE_WPASS_FAILED)
    list(APPEND flags -Wno-pass-failed)
  endif()
  set(avx2 -mavx2 -mfma)
  set(avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512)

  target_include_directories(${target} PRIVATE "${VALGRAD_KERNELS_DIR}/../include")
  target_sources(${target} PRIVATE "${VALGRAD_KERNELS_DIR}/dispatch.c")
  valgrad_kernels_variant(${target} base 16 ${flags})
  # A universal build for macOS compiles each source for several processors: base is all they share.
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" OR CMAKE_OSX_ARCHITECTURES)
    return()
  endif()

  string(REPLACE ";" " " avx2_flags "${avx2}")
  string(REPLACE ";" " " avx512_flags "${avx512}")
  check_c_compiler_flag("${avx2_flags}" VALGRAD_HAVE_AVX2)
  check_c_compiler_flag("${avx512_flags}" VALGRAD_HAVE_AVX512)
  if(VALGRAD_HAVE_AVX2)
    target_compile_definitions(${target} PRIVATE KERNELS_HAVE_AVX2)
    valgrad_kernels_variant(${target} avx2 32 ${flags} ${avx2})
  endif()
  if(VALGRAD_HAVE_AVX2 AND VALGRAD_HAVE_AVX512)
    target_compile_definitions(${target} PRIVATE KERNELS_HAVE_AVX512)
    valgrad_kernels_variant(${target} avx512 64 ${flags} ${avx512})
  endif()
endfunction()
