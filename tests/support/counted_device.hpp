/// The real device in tests: it counts what it was asked for and not given back, and waits after each call that is not
/// recorded, so that an error belongs to its test and the host may read what they wrote. For nvcc.
#pragma once

#include <new>
#include <string>
#include <vector>

#include <accrete/backend/cuda/backend.hpp>

namespace accrete_test {

class CountedDevice final : public accrete::cuda::DeviceApi {
 public:
  using Index = accrete::Index;
  using DeviceApi = accrete::cuda::DeviceApi;
  using Status = accrete::cuda::Status;

  /// All that was made and not given back: memory, streams and events.
  [[nodiscard]] std::size_t alive() const { return alive_; }
  [[nodiscard]] Index allocations() const { return allocations_; }
  [[nodiscard]] Index graphs_made() const { return graphs_made_; }
  [[nodiscard]] std::vector<std::string> mistakes() const { return {}; }

  Status cuda_malloc(void** memory, Index bytes) override {
    ++allocations_;
    return made(DeviceApi::cuda_malloc(memory, bytes));
  }
  Status cuda_free(void* memory) override { return gone(DeviceApi::cuda_free(memory)); }
  Status cuda_stream_create(accrete::cuda::Stream* stream) override {
    return made(DeviceApi::cuda_stream_create(stream));
  }
  Status cuda_stream_destroy(accrete::cuda::Stream stream) override {
    return gone(DeviceApi::cuda_stream_destroy(stream));
  }
  Status cuda_event_create(accrete::cuda::Event* event) override {
    return made(DeviceApi::cuda_event_create(event));
  }
  Status cuda_event_destroy(accrete::cuda::Event event) override {
    return gone(DeviceApi::cuda_event_destroy(event));
  }
  Status cuda_stream_begin_capture(accrete::cuda::Stream stream) override {
    Status const status = DeviceApi::cuda_stream_begin_capture(stream);
    captures_ = status.ok();
    return status;
  }
  Status cuda_stream_end_capture(accrete::cuda::Stream stream,
                                 accrete::cuda::Graph* graph) override {
    captures_ = false;
    return made(DeviceApi::cuda_stream_end_capture(stream, graph));
  }
  Status cuda_graph_instantiate(accrete::cuda::GraphExec* exec,
                                accrete::cuda::Graph graph) override {
    ++graphs_made_;
    return made(DeviceApi::cuda_graph_instantiate(exec, graph));
  }
  Status cuda_graph_launch(accrete::cuda::GraphExec exec, accrete::cuda::Stream stream) override {
    return waited(DeviceApi::cuda_graph_launch(exec, stream), stream);
  }
  Status cuda_graph_exec_destroy(accrete::cuda::GraphExec exec) override {
    return gone(DeviceApi::cuda_graph_exec_destroy(exec));
  }
  Status cuda_graph_destroy(accrete::cuda::Graph graph) override {
    return gone(DeviceApi::cuda_graph_destroy(graph));
  }
  Status cuda_memset_async(void* memory, int value, Index bytes,
                           accrete::cuda::Stream stream) override {
    Status const status = DeviceApi::cuda_memset_async(memory, value, bytes, stream);
    return waited(status, stream);
  }
  Status cuda_memcpy_async(void* to, void const* from, Index bytes, accrete::cuda::CopyKind kind,
                           accrete::cuda::Stream stream) override {
    Status const status = DeviceApi::cuda_memcpy_async(to, from, bytes, kind, stream);
    return waited(status, stream);
  }
  Status cuda_launch_kernel(accrete::cuda::LaunchRequest const& request,
                            accrete::cuda::Stream stream) override {
    Status const status = DeviceApi::cuda_launch_kernel(request, stream);
    return waited(status, stream);
  }
  Status cublas_lt_matmul(void* handle, void* description, void const* alpha, void const* a,
                          void* a_layout, void const* b, void* b_layout, void const* beta,
                          void const* c, void* c_layout, void* d, void* d_layout,
                          accrete::cuda::Algorithm const* algorithm, void* workspace,
                          std::size_t workspace_bytes, accrete::cuda::Stream stream) override {
    Status const status = DeviceApi::cublas_lt_matmul(
        handle, description, alpha, a, a_layout, b, b_layout, beta, c, c_layout, d, d_layout,
        algorithm, workspace, workspace_bytes, stream);
    return waited(status, stream);
  }

 private:
  Status waited(Status status, accrete::cuda::Stream stream) {
    return status.ok() && !captures_ ? cuda_stream_synchronize(stream) : status;
  }
  Status made(Status status) {
    if (status.ok()) ++alive_;
    return status;
  }
  Status gone(Status status) {
    if (status.ok()) --alive_;
    return status;
  }

  std::size_t alive_ = 0;
  Index allocations_ = 0, graphs_made_ = 0;
  bool captures_ = false;
};

/// Memory that host and device read alike: for the tensors of tests of single operations.
template <class T>
struct ManagedAllocator {
  using value_type = T;

  ManagedAllocator() = default;
  template <class U>
  ManagedAllocator(ManagedAllocator<U> const&) {}

  T* allocate(std::size_t count) {
    void* memory = nullptr;
    if (cudaMallocManaged(&memory, count * sizeof(T)) != cudaSuccess) throw std::bad_alloc();
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t) { static_cast<void>(cudaFree(memory)); }
  friend bool operator==(ManagedAllocator, ManagedAllocator) { return true; }
};

}  // namespace accrete_test
