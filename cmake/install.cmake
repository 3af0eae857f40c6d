# What `cmake --install` puts where: headers, both libraries, a CMake package and a pkg-config file.
# The double and the float library (valgrad and valgradf) can share a prefix.

include(CMakePackageConfigHelpers)

install(DIRECTORY include/valgrad DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS valgrad_shared valgrad_static EXPORT valgrad_targets)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/${VALGRAD_NAME})
set(package_build_dir ${PROJECT_BINARY_DIR}/package)
install(EXPORT valgrad_targets DESTINATION ${package_dir}
  NAMESPACE ${VALGRAD_NAME}:: FILE ${VALGRAD_NAME}-targets.cmake)
configure_package_config_file(cmake/valgrad-config.cmake.in
  ${package_build_dir}/${VALGRAD_NAME}-config.cmake INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(
  ${package_build_dir}/${VALGRAD_NAME}-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${package_build_dir}/${VALGRAD_NAME}-config.cmake
  ${package_build_dir}/${VALGRAD_NAME}-config-version.cmake
  DESTINATION ${package_dir})

# The pkg-config file finds its prefix from where it lies, so that an installed tree can be moved.
file(RELATIVE_PATH prefix_from_pkgconfig ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH libdir_from_prefix ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH includedir_from_prefix ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
string(REGEX REPLACE "/$" "" prefix_from_pkgconfig "${prefix_from_pkgconfig}")
set(pkgconfig_cflags "")
if(VALGRAD_FLOAT)
  set(pkgconfig_cflags " -DVALGRAD_FLOAT")
endif()
# By name: the packages of these libraries ask for the libraries under them, which need not be installed.
list(TRANSFORM optional_libraries PREPEND "-l" OUTPUT_VARIABLE pkgconfig_optional)
list(JOIN pkgconfig_optional " " pkgconfig_optional)
configure_file(cmake/valgrad.pc.in ${package_build_dir}/${VALGRAD_NAME}.pc @ONLY)
install(FILES ${package_build_dir}/${VALGRAD_NAME}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET mnist)
  install(TARGETS mnist RUNTIME)
  install(DIRECTORY examples/mnist/data/ DESTINATION ${CMAKE_INSTALL_DATADIR}/valgrad/mnist)
endif()
