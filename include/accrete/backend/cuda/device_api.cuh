/// The table of a real device: each function is one call of the CUDA runtime or of cuBLASLt. Needs CUDA's headers.
#pragma once

#include <cstring>

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <accrete/backend/cuda/api.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace cuda {

class DeviceApi : public Api {
 public:
  std::string describe(Status status) const override {
    if (status.library == Status::Library::blas) {
      auto const code = static_cast<cublasStatus_t>(status.code);
      return message(cublasLtGetStatusName(code), ": ", cublasLtGetStatusString(code));
    }
    auto const code = static_cast<cudaError_t>(status.code);
    return message(cudaGetErrorName(code), ": ", cudaGetErrorString(code));
  }

  Status cuda_driver_get_version(int* version) override {
    return runtime(cudaDriverGetVersion(version));
  }
  Status cuda_runtime_get_version(int* version) override {
    return runtime(cudaRuntimeGetVersion(version));
  }
  Status cuda_get_device_count(int* count) override { return runtime(cudaGetDeviceCount(count)); }
  Status cuda_get_device_properties(DeviceInfo* info) override {
    cudaDeviceProp properties;
    Status const status = runtime(cudaGetDeviceProperties(&properties, 0));
    if (status.ok())
      *info = {.name = properties.name,
               .major = properties.major,
               .minor = properties.minor,
               .multiprocessors = properties.multiProcessorCount,
               .memory = static_cast<Index>(properties.totalGlobalMem)};
    return status;
  }
  Status cuda_mem_get_info(Index* free, Index* total) override {
    std::size_t free_bytes = 0, total_bytes = 0;
    Status const status = runtime(cudaMemGetInfo(&free_bytes, &total_bytes));
    *free = static_cast<Index>(free_bytes);
    *total = static_cast<Index>(total_bytes);
    return status;
  }
  Status cuda_malloc(void** memory, Index bytes) override {
    return runtime(cudaMalloc(memory, static_cast<std::size_t>(bytes)));
  }
  Status cuda_free(void* memory) override { return runtime(cudaFree(memory)); }
  Status cuda_malloc_host(void** memory, Index bytes) override {
    return runtime(cudaMallocHost(memory, static_cast<std::size_t>(bytes)));
  }
  Status cuda_free_host(void* memory) override { return runtime(cudaFreeHost(memory)); }
  Status cuda_memset_async(void* memory, int value, Index bytes, Stream stream) override {
    return runtime(
        cudaMemsetAsync(memory, value, static_cast<std::size_t>(bytes), stream_of(stream)));
  }
  Status cuda_memcpy_async(void* to, void const* from, Index bytes, CopyKind kind,
                           Stream stream) override {
    auto const direction = kind == CopyKind::to_device ? cudaMemcpyHostToDevice
                           : kind == CopyKind::to_host ? cudaMemcpyDeviceToHost
                                                       : cudaMemcpyDeviceToDevice;
    return runtime(
        cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), direction, stream_of(stream)));
  }
  Status cuda_stream_create(Stream* stream) override {
    cudaStream_t made = nullptr;
    Status const status = runtime(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking));
    *stream = made;
    return status;
  }
  Status cuda_stream_synchronize(Stream stream) override {
    return runtime(cudaStreamSynchronize(stream_of(stream)));
  }
  Status cuda_stream_destroy(Stream stream) override {
    return runtime(cudaStreamDestroy(stream_of(stream)));
  }
  Status cuda_event_create(Event* event) override {
    cudaEvent_t made = nullptr;
    Status const status = runtime(cudaEventCreate(&made));
    *event = made;
    return status;
  }
  Status cuda_event_record(Event event, Stream stream) override {
    return runtime(cudaEventRecord(event_of(event), stream_of(stream)));
  }
  Status cuda_event_synchronize(Event event) override {
    return runtime(cudaEventSynchronize(event_of(event)));
  }
  Status cuda_event_elapsed_time(float* milliseconds, Event begin, Event end) override {
    return runtime(cudaEventElapsedTime(milliseconds, event_of(begin), event_of(end)));
  }
  Status cuda_event_destroy(Event event) override {
    return runtime(cudaEventDestroy(event_of(event)));
  }
  Status cuda_stream_wait_event(Stream stream, Event event) override {
    return runtime(cudaStreamWaitEvent(stream_of(stream), event_of(event), 0));
  }
  Status cuda_launch_kernel(LaunchRequest const& request, Stream stream) override {
    void* arguments[] = {const_cast<void*>(request.body)};
    return runtime(
        cudaLaunchKernel(request.device_function, dim3(static_cast<unsigned>(request.blocks)),
                         dim3(static_cast<unsigned>(request.threads)), arguments,
                         static_cast<std::size_t>(request.shared_bytes), stream_of(stream)));
  }

  Status cuda_stream_begin_capture(Stream stream) override {
    return runtime(cudaStreamBeginCapture(stream_of(stream), cudaStreamCaptureModeThreadLocal));
  }
  Status cuda_stream_end_capture(Stream stream, Graph* graph) override {
    cudaGraph_t made = nullptr;
    Status const status = runtime(cudaStreamEndCapture(stream_of(stream), &made));
    *graph = made;
    return status;
  }
  Status cuda_graph_instantiate(GraphExec* exec, Graph graph) override {
    cudaGraphExec_t made = nullptr;
    Status const status = runtime(cudaGraphInstantiate(&made, static_cast<cudaGraph_t>(graph), 0));
    *exec = made;
    return status;
  }
  Status cuda_graph_launch(GraphExec exec, Stream stream) override {
    return runtime(cudaGraphLaunch(static_cast<cudaGraphExec_t>(exec), stream_of(stream)));
  }
  Status cuda_graph_exec_destroy(GraphExec exec) override {
    return runtime(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(exec)));
  }
  Status cuda_graph_destroy(Graph graph) override {
    return runtime(cudaGraphDestroy(static_cast<cudaGraph_t>(graph)));
  }

  Status cublas_lt_create(void** handle) override {
    return blas(cublasLtCreate(reinterpret_cast<cublasLtHandle_t*>(handle)));
  }
  Status cublas_lt_destroy(void* handle) override {
    return blas(cublasLtDestroy(static_cast<cublasLtHandle_t>(handle)));
  }
  std::size_t cublas_lt_get_version() override { return cublasLtGetVersion(); }
  Status cublas_lt_matmul_desc_create(void** description, ComputeType compute,
                                      NumberType scale) override {
    auto const type = compute == ComputeType::float64          ? CUBLAS_COMPUTE_64F
                      : compute == ComputeType::tensor_float32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                               : CUBLAS_COMPUTE_32F;
    return blas(cublasLtMatmulDescCreate(reinterpret_cast<cublasLtMatmulDesc_t*>(description), type,
                                         type_of(scale)));
  }
  Status cublas_lt_matmul_desc_set_attribute(void* description, MatmulAttribute attribute,
                                             std::uint64_t value) override {
    auto* const matmul = static_cast<cublasLtMatmulDesc_t>(description);
    auto const set = [&](cublasLtMatmulDescAttributes_t which, auto number) {
      return blas(cublasLtMatmulDescSetAttribute(matmul, which, &number, sizeof(number)));
    };
    cublasOperation_t const operation = value != 0 ? CUBLAS_OP_T : CUBLAS_OP_N;
    switch (attribute) {
      case MatmulAttribute::transpose_a:
        return set(CUBLASLT_MATMUL_DESC_TRANSA, static_cast<std::int32_t>(operation));
      case MatmulAttribute::transpose_b:
        return set(CUBLASLT_MATMUL_DESC_TRANSB, static_cast<std::int32_t>(operation));
      case MatmulAttribute::epilogue:
        return set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(static_cast<Epilogue>(value)));
      case MatmulAttribute::bias_pointer:
        break;
    }
    return set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, reinterpret_cast<void const*>(value));
  }
  Status cublas_lt_matmul_desc_destroy(void* description) override {
    return blas(cublasLtMatmulDescDestroy(static_cast<cublasLtMatmulDesc_t>(description)));
  }
  Status cublas_lt_matrix_layout_create(void** layout, NumberType type, Index rows, Index columns,
                                        Index leading_dimension) override {
    return blas(cublasLtMatrixLayoutCreate(reinterpret_cast<cublasLtMatrixLayout_t*>(layout),
                                           type_of(type), static_cast<std::uint64_t>(rows),
                                           static_cast<std::uint64_t>(columns), leading_dimension));
  }
  Status cublas_lt_matrix_layout_destroy(void* layout) override {
    return blas(cublasLtMatrixLayoutDestroy(layout_of(layout)));
  }
  Status cublas_lt_matmul_preference_create(void** preference) override {
    return blas(
        cublasLtMatmulPreferenceCreate(reinterpret_cast<cublasLtMatmulPreference_t*>(preference)));
  }
  Status cublas_lt_matmul_preference_set_attribute(void* preference, PreferenceAttribute attribute,
                                                   std::uint64_t value) override {
    auto* const own = static_cast<cublasLtMatmulPreference_t>(preference);
    if (attribute == PreferenceAttribute::workspace_bytes)
      return blas(cublasLtMatmulPreferenceSetAttribute(
          own, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &value, sizeof(value)));
    auto const number = static_cast<std::uint32_t>(value);
    cublasLtMatmulPreferenceAttributes_t which = CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK;
    if (attribute == PreferenceAttribute::alignment_a)
      which = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
    if (attribute == PreferenceAttribute::alignment_b)
      which = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES;
    if (attribute == PreferenceAttribute::alignment_c)
      which = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES;
    if (attribute == PreferenceAttribute::alignment_d)
      which = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES;
    return blas(cublasLtMatmulPreferenceSetAttribute(own, which, &number, sizeof(number)));
  }
  Status cublas_lt_matmul_preference_destroy(void* preference) override {
    return blas(
        cublasLtMatmulPreferenceDestroy(static_cast<cublasLtMatmulPreference_t>(preference)));
  }
  Status cublas_lt_matmul_algo_get_heuristic(void* handle, void* description, void* a, void* b,
                                             void* c, void* d, void* preference, int asked,
                                             AlgorithmCandidate* candidates, int* found) override {
    constexpr int most = 32;
    cublasLtMatmulHeuristicResult_t results[most];
    int answered = 0;
    Status const status = blas(cublasLtMatmulAlgoGetHeuristic(
        static_cast<cublasLtHandle_t>(handle), static_cast<cublasLtMatmulDesc_t>(description),
        layout_of(a), layout_of(b), layout_of(c), layout_of(d),
        static_cast<cublasLtMatmulPreference_t>(preference), asked < most ? asked : most, results,
        &answered));
    *found = 0;
    for (int i = 0; status.ok() && i < answered; ++i) {
      if (results[i].state != CUBLAS_STATUS_SUCCESS) continue;
      AlgorithmCandidate& candidate = candidates[(*found)++];
      std::memcpy(candidate.algorithm.data, &results[i].algo, sizeof(candidate.algorithm.data));
      candidate.workspace_bytes = results[i].workspaceSize;
    }
    return status;
  }
  Status cublas_lt_matmul_algo_check(void* handle, void* description, void* a, void* b, void* c,
                                     void* d, Algorithm const& algorithm,
                                     std::size_t* workspace_bytes) override {
    cublasLtMatmulAlgo_t const algo = algo_of(algorithm);
    cublasLtMatmulHeuristicResult_t result;
    Status const status = blas(cublasLtMatmulAlgoCheck(
        static_cast<cublasLtHandle_t>(handle), static_cast<cublasLtMatmulDesc_t>(description),
        layout_of(a), layout_of(b), layout_of(c), layout_of(d), &algo, &result));
    if (!status.ok()) return status;
    *workspace_bytes = result.workspaceSize;
    return blas(result.state);
  }
  Status cublas_lt_matmul(void* handle, void* description, void const* alpha, void const* a,
                          void* a_layout, void const* b, void* b_layout, void const* beta,
                          void const* c, void* c_layout, void* d, void* d_layout,
                          Algorithm const* algorithm, void* workspace, std::size_t workspace_bytes,
                          Stream stream) override {
    cublasLtMatmulAlgo_t const algo = algo_of(*algorithm);
    return blas(cublasLtMatmul(
        static_cast<cublasLtHandle_t>(handle), static_cast<cublasLtMatmulDesc_t>(description),
        alpha, a, layout_of(a_layout), b, layout_of(b_layout), beta, c, layout_of(c_layout), d,
        layout_of(d_layout), &algo, workspace, workspace_bytes, stream_of(stream)));
  }

 private:
  static_assert(sizeof(Algorithm) == sizeof(cublasLtMatmulAlgo_t));
  static_assert(out_of_memory == static_cast<int>(cudaErrorMemoryAllocation));
  static_assert(not_supported == static_cast<int>(cudaErrorNotSupported));
  static_assert(capture_unsupported == static_cast<int>(cudaErrorStreamCaptureUnsupported));
  static_assert(capture_wrong_thread == static_cast<int>(cudaErrorStreamCaptureWrongThread));
  static_assert(blas_not_supported == static_cast<int>(CUBLAS_STATUS_NOT_SUPPORTED));

  /// An error that is answered is taken from the runtime's memory, so that no later call shows it.
  static Status runtime(cudaError_t error) {
    if (error != cudaSuccess) static_cast<void>(cudaGetLastError());
    return {Status::Library::runtime, static_cast<int>(error)};
  }
  static Status blas(cublasStatus_t status) {
    return {Status::Library::blas, static_cast<int>(status)};
  }
  static cudaStream_t stream_of(Stream stream) { return static_cast<cudaStream_t>(stream); }
  static cudaEvent_t event_of(Event event) { return static_cast<cudaEvent_t>(event); }
  static cublasLtMatrixLayout_t layout_of(void* layout) {
    return static_cast<cublasLtMatrixLayout_t>(layout);
  }
  static cublasLtMatmulAlgo_t algo_of(Algorithm const& algorithm) {
    cublasLtMatmulAlgo_t algo;
    std::memcpy(&algo, algorithm.data, sizeof(algo));
    return algo;
  }
  static std::uint32_t epilogue_of(Epilogue epilogue) {
    return epilogue == Epilogue::bias              ? CUBLASLT_EPILOGUE_BIAS
           : epilogue == Epilogue::bias_gradient_b ? CUBLASLT_EPILOGUE_BGRADB
                                                   : CUBLASLT_EPILOGUE_DEFAULT;
  }
  static cudaDataType type_of(NumberType type) {
    return type == NumberType::float64   ? CUDA_R_64F
           : type == NumberType::float32 ? CUDA_R_32F
                                         : CUDA_R_16BF;
  }
};

}  // namespace cuda

ACCRETE_END_NAMESPACE
