# accrete::lapack: a LAPACK for substrate/lapack_eigen_solver.hpp.
#
# OpenBLAS holds one; Debian's serial build, as for accrete::cblas, is preferred. Another LAPACK is named by
# -DACCRETE_LAPACK_LIBRARY=...
if(NOT TARGET accrete::lapack)
  find_library(ACCRETE_LAPACK_LIBRARY NAMES openblas lapack PATH_SUFFIXES openblas-serial)
  mark_as_advanced(ACCRETE_LAPACK_LIBRARY)
  if(ACCRETE_LAPACK_LIBRARY)
    add_library(accrete::lapack INTERFACE IMPORTED ${ACCRETE_COMPONENT_SCOPE})
    target_link_libraries(accrete::lapack INTERFACE accrete::accrete ${ACCRETE_LAPACK_LIBRARY})
  endif()
endif()
if(TARGET accrete::lapack)
  set(accrete_lapack_FOUND TRUE)
else()
  set(accrete_lapack_FOUND FALSE)
  set(accrete_lapack_NOT_FOUND_MESSAGE "accrete::lapack needs a LAPACK (Debian: libopenblas-serial-dev)")
endif()
