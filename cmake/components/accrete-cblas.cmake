# accrete::cblas: matrix products by a CBLAS instead of Eigen.
#
# accrete cuts a product into slices and runs them on its own threads, so the CBLAS itself must be serial: Debian's
# libopenblas-serial-dev is preferred to whatever `libopenblas` currently points to. Another CBLAS is named by
# -DACCRETE_CBLAS_INCLUDE_DIR=... -DACCRETE_CBLAS_LIBRARY=...
if(NOT TARGET accrete::cblas)
  find_path(ACCRETE_CBLAS_INCLUDE_DIR cblas.h
            PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial openblas-serial openblas)
  find_library(ACCRETE_CBLAS_LIBRARY openblas PATH_SUFFIXES openblas-serial)
  mark_as_advanced(ACCRETE_CBLAS_INCLUDE_DIR ACCRETE_CBLAS_LIBRARY)
  if(ACCRETE_CBLAS_INCLUDE_DIR AND ACCRETE_CBLAS_LIBRARY)
    add_library(accrete::cblas INTERFACE IMPORTED ${ACCRETE_COMPONENT_SCOPE})
    target_compile_definitions(accrete::cblas INTERFACE ACCRETE_USE_CBLAS)
    target_include_directories(accrete::cblas SYSTEM INTERFACE ${ACCRETE_CBLAS_INCLUDE_DIR})
    target_link_libraries(accrete::cblas INTERFACE accrete::accrete ${ACCRETE_CBLAS_LIBRARY})
  endif()
endif()
if(TARGET accrete::cblas)
  set(accrete_cblas_FOUND TRUE)
else()
  set(accrete_cblas_FOUND FALSE)
  set(accrete_cblas_NOT_FOUND_MESSAGE
      "accrete::cblas needs a serial CBLAS (Debian: libopenblas-serial-dev)")
endif()
