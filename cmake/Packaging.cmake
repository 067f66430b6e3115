# Debian packages, which `cpack` makes in the build folder: libmultiprocessing<version> with the
# library, if it is a shared one, and libmultiprocessing-dev with what is needed to build against it.
set(runtime libmultiprocessing${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(development libmultiprocessing-dev)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME multiprocessing)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
if(NOT CPACK_PACKAGE_CONTACT)
  set(CPACK_PACKAGE_CONTACT "The multiprocessing developers <multiprocessing@localhost>")
endif()
set(CPACK_COMPONENTS_ALL development)
if(MULTIPROCESSING_LIBRARY_TYPE STREQUAL "SHARED_LIBRARY")
  list(APPEND CPACK_COMPONENTS_ALL runtime)
endif()

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)

set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Shared library.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${runtime})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
if(MULTIPROCESSING_LIBRARY_TYPE STREQUAL "SHARED_LIBRARY")
  # CPack looks for shared libraries with file(1), and dpkg-shlibdeps for what they need.
  find_program(FILE_UTILITY file)
  find_program(DPKG_SHLIBDEPS dpkg-shlibdeps)
  mark_as_advanced(FILE_UTILITY DPKG_SHLIBDEPS)
  if(FILE_UTILITY AND DPKG_SHLIBDEPS)
    set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
    set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
  else()
    message(STATUS "multiprocessing: the packages file and dpkg-dev are not both here; "
                   "a Debian package of the library would name nothing that it depends on")
  endif()
endif()

set(boost ${Boost_VERSION_MAJOR}.${Boost_VERSION_MINOR})
set(needs "libboost${boost}-dev, libboost-serialization${boost}-dev")
if(MULTIPROCESSING_LIBRARY_TYPE STREQUAL "STATIC_LIBRARY")
  string(APPEND needs ", libssl-dev")
else()
  string(APPEND needs ", ${runtime} (= ${PROJECT_VERSION})")
endif()
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers, CMake package and pkg-config file.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME ${development})
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${needs}")

foreach(component IN ITEMS runtime development)
  install(
    FILES ${PROJECT_SOURCE_DIR}/LICENSE
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${${component}}
    RENAME copyright
    COMPONENT ${component}
    EXCLUDE_FROM_ALL)
endforeach()

include(CPack)
