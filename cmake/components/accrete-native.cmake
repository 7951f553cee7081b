# accrete::native: the best flags measured, for programs that run on the machine they are built on.
include(${CMAKE_CURRENT_LIST_DIR}/../AccreteNative.cmake)
if(NOT TARGET accrete::native)
  accrete_native_flags(accrete_native_options)
  add_library(accrete::native INTERFACE IMPORTED ${ACCRETE_COMPONENT_SCOPE})
  target_link_libraries(accrete::native INTERFACE accrete::accrete)
  target_compile_options(accrete::native
                         INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${accrete_native_options}>")
endif()
set(accrete_native_FOUND TRUE)
