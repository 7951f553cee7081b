# accrete::cuda: what a .cu file that includes <accrete/cuda.hpp> is linked with. The project that builds it enables the
# language CUDA itself.
if(NOT TARGET accrete::cuda)
  find_package(CUDAToolkit 12.0 QUIET)
  if(TARGET CUDA::cudart AND TARGET CUDA::cublasLt)
    add_library(accrete::cuda INTERFACE IMPORTED ${ACCRETE_COMPONENT_SCOPE})
    target_link_libraries(accrete::cuda INTERFACE accrete::accrete CUDA::cudart CUDA::cublasLt)
    # CMake 3.25 does not know that nvcc can.
    target_compile_options(accrete::cuda INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>)
  endif()
endif()
if(TARGET accrete::cuda)
  set(accrete_cuda_FOUND TRUE)
else()
  set(accrete_cuda_FOUND FALSE)
  set(accrete_cuda_NOT_FOUND_MESSAGE "accrete::cuda needs the CUDA Toolkit 12 or later with nvcc and cuBLASLt")
endif()
