# Writes and installs multiprocessing.pc. A static library needs libcrypto on the consumer's link
# line; a shared one brings it along. The prefix is relative to the file, so that an installed
# tree may be moved.
if(MULTIPROCESSING_LIBRARY_TYPE STREQUAL "STATIC_LIBRARY")
  set(PC_REQUIRES Requires)
else()
  set(PC_REQUIRES Requires.private)
endif()

if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(PC_PREFIX ${CMAKE_INSTALL_PREFIX})
  set(PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_INCLUDEDIR})
  set(PC_LIBDIR ${CMAKE_INSTALL_FULL_LIBDIR})
else()
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
             BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig OUTPUT_VARIABLE PC_UP)
  set(PC_PREFIX "\${pcfiledir}/${PC_UP}")
  set(PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
  set(PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()

configure_file(cmake/multiprocessing.pc.in multiprocessing.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/multiprocessing.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
