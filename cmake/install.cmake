# What `cmake --install` puts where: include/dae and the rooms' libraries, which find_package(dae) finds
# as dae::dae. Component `library`; cmake/package.cmake adds `programs`, with the network that ships.
include(CMakePackageConfigHelpers)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/dae ${PROJECT_BINARY_DIR}/include/dae
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library FILES_MATCHING PATTERN *.h)
install(FILES ${PROJECT_SOURCE_DIR}/models/photographs.safetensors
  DESTINATION ${CMAKE_INSTALL_DATADIR}/dae COMPONENT programs)
install(TARGETS dae dae_runtime dae_kernels dae_corrupt dae_model dae_data dae_record dae_restore
                dae_quality dae_evaluate dae_report dae_ranks dae_train
  EXPORT dae ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/dae)
install(EXPORT dae FILE daeTargets.cmake NAMESPACE dae:: DESTINATION ${package}
  COMPONENT library)
configure_package_config_file(cmake/daeConfig.cmake.in daeConfig.cmake INSTALL_DESTINATION ${package})
# Before 1.0 a minor version may change what is included.
write_basic_package_version_file(daeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/daeConfig.cmake ${PROJECT_BINARY_DIR}/daeConfigVersion.cmake
  DESTINATION ${package} COMPONENT library)
