# Programs as they are installed: dae-NAME, with the manual page and the completions that it prints itself
# (tools/manual.h), and CPack's Debian packages of all that is installed: `dae`, `libdae-dev`, and `dae-mpi` where MPI is.
# tools/package.sh builds and checks these.
set(manual ${PROJECT_BINARY_DIR}/manual)
file(MAKE_DIRECTORY ${manual})
foreach(program IN LISTS dae_programs)
  set(name dae-${program})
  set(page ${manual}/${name}.1.gz)
  add_custom_command(OUTPUT ${page} ${manual}/${name}.bash ${manual}/${name}.zsh ${manual}/${name}.fish
    COMMAND ${CMAKE_COMMAND} -E create_symlink $<TARGET_FILE:${program}> ${manual}/${name}
    COMMAND ${manual}/${name} --manual man | gzip -9n > ${page}
    COMMAND ${manual}/${name} --manual bash > ${manual}/${name}.bash
    COMMAND ${manual}/${name} --manual zsh > ${manual}/${name}.zsh
    COMMAND ${manual}/${name} --manual fish > ${manual}/${name}.fish
    DEPENDS ${program} COMMENT "Printing the manual of ${name}" VERBATIM)
  list(APPEND pages ${page})
  install(PROGRAMS $<TARGET_FILE:${program}> DESTINATION ${CMAKE_INSTALL_BINDIR} RENAME ${name}
    COMPONENT programs)
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT programs)
  install(FILES ${manual}/${name}.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
    RENAME ${name} COMPONENT programs)
  install(FILES ${manual}/${name}.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions
    RENAME _${name} COMPONENT programs)
  install(FILES ${manual}/${name}.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
    COMPONENT programs)
endforeach()
add_custom_target(dae_manual ALL DEPENDS ${pages})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME dae)
set(DAE_MAINTAINER "the dae authors <dae@example.org>" CACHE STRING "Who hands the packages on, with an address")
set(CPACK_PACKAGE_CONTACT "${DAE_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL programs library)
if(TARGET dae_mpi)
  list(APPEND CPACK_COMPONENTS_ALL mpi)
  install(TARGETS dae_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/dae COMPONENT mpi)
endif()
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)

set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME dae)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_PROGRAMS_DESCRIPTION
  "denoising autoencoders for photographs
Takes noise and slight blur out of photographs of any size, by a network that
comes with it, and trains, measures and exports networks of one's own.")

# The library is static: who links it needs what the rooms are linked with (cmake/daeConfig.cmake.in).
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libdae-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS "dae (= ${PROJECT_VERSION}), libdnnl-dev, ocl-icd-opencl-dev, \
libhwy-dev, libfmt-dev, libexif-dev, libjpeg62-turbo-dev, libspng-dev, libtiff-dev, libwebp-dev, pkg-config")
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION
  "denoising autoencoders for photographs, the C++ library
Headers and static libraries: restoring pictures, corrupting batches, training
and evaluating. find_package(dae) gives dae::dae.")

# Of its own: programs that nobody launches by mpirun need no MPI.
set(CPACK_DEBIAN_MPI_PACKAGE_NAME dae-mpi)
set(CPACK_DEBIAN_MPI_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_MPI_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_MPI_PACKAGE_DEPENDS "dae (= ${PROJECT_VERSION}), openmpi-bin")
set(CPACK_COMPONENT_MPI_DESCRIPTION
  "denoising autoencoders for photographs, training on several processes
What dae-train_cuda opens when mpirun launched it: its processes, on one
machine or on several, share each step of training.")

# Debian wants to know of each package who may do what with it, and what is new.
execute_process(COMMAND ${GIT_EXECUTABLE} log -1 --format=%aD WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  OUTPUT_VARIABLE dae_date OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT dae_date)
  set(dae_date "Thu, 01 Jan 1970 00:00:00 +0000")
endif()
file(READ ${PROJECT_SOURCE_DIR}/LICENSE dae_license)
string(REGEX MATCH "Copyright [^\n]*" dae_copyright "${dae_license}")
string(REGEX REPLACE "^.*Permission is" "Permission is" dae_license "${dae_license}")
string(STRIP "${dae_license}" dae_license)
string(REGEX REPLACE "\n\n" "\n.\n" dae_license "${dae_license}")
string(REGEX REPLACE "\n" "\n " dae_license "${dae_license}")
configure_file(cmake/copyright.in ${PROJECT_BINARY_DIR}/copyright @ONLY)
configure_file(cmake/changelog.in ${PROJECT_BINARY_DIR}/changelog @ONLY)
find_program(DAE_GZIP gzip REQUIRED)
execute_process(COMMAND ${DAE_GZIP} -9nf ${PROJECT_BINARY_DIR}/changelog)
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  install(FILES ${PROJECT_BINARY_DIR}/copyright ${PROJECT_BINARY_DIR}/changelog.gz
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME} COMPONENT ${component})
endforeach()
include(CPack)
