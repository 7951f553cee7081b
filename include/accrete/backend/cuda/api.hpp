/// The one table of CUDA runtime and cuBLASLt calls that the CUDA backend uses, and the check around each of them.
///
/// It needs no header of CUDA's: a plain C++ compiler builds all of the backend on top of it, and a test can put a table
/// of its own behind it. The table of a real device is device_api.cuh.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace cuda {

/// What a call returned: 0 is success, anything else a cudaError_t or a cublasStatus_t.
struct Status {
  enum class Library : std::uint8_t { runtime, blas };
  Library library = Library::runtime;
  int code = 0;

  [[nodiscard]] bool ok() const { return code == 0; }
};

/// Codes that the backend answers in a way of its own.
inline constexpr int out_of_memory = 2;       // cudaErrorMemoryAllocation
inline constexpr int operating_system = 304;  // cudaErrorOperatingSystem
inline constexpr int not_supported = 801;     // cudaErrorNotSupported
inline constexpr int capture_unsupported =
    900;  // cudaErrorStreamCaptureUnsupported, and what follows it
inline constexpr int capture_wrong_thread = 908;  // cudaErrorStreamCaptureWrongThread
inline constexpr int blas_not_supported = 15;     // CUBLAS_STATUS_NOT_SUPPORTED

/// Whether a call says that no more host memory can be pinned, or none at all.
[[nodiscard]] constexpr bool refuses_pinning(Status status) {
  return status.library == Status::Library::runtime &&
         (status.code == out_of_memory || status.code == operating_system ||
          status.code == not_supported);
}

/// Whether a call says that what was asked for cannot be recorded as a graph.
[[nodiscard]] constexpr bool refuses_capture(Status status) {
  return status.library == Status::Library::runtime &&
         (status.code == not_supported ||
          (status.code >= capture_unsupported && status.code <= capture_wrong_thread));
}

/// Handles are CUDA's own pointers.
using Stream = void*;
using Event = void*;
using Graph = void*;
using GraphExec = void*;

struct DeviceInfo {
  std::string name;
  int major = 0, minor = 0;  ///< compute capability
  int multiprocessors = 0;
  Index memory = 0;  ///< bytes
};

enum class CopyKind : std::uint8_t { to_device, to_host, within_device };

/// A kernel to launch: `body` is an object that its code gets by value.
struct LaunchRequest {
  char const* name = "";
  void const* device_function =
      nullptr;  ///< a __global__ function; null where nvcc did not compile it
  /// Runs one block on the host; null where nvcc compiled the body for the device.
  void (*run_block)(void const* body, Index block, Index blocks, Index shared_bytes,
                    std::uint64_t seed) = nullptr;
  void const* body = nullptr;
  Index body_bytes = 0;
  Index blocks = 0;
  int threads = 0;
  Index shared_bytes = 0;
};

enum class NumberType : std::uint8_t { float32, float64, bfloat16 };
enum class ComputeType : std::uint8_t { float32, float64, tensor_float32 };
enum class MatmulAttribute : std::uint8_t { transpose_a, transpose_b, epilogue, bias_pointer };
enum class PreferenceAttribute : std::uint8_t {
  workspace_bytes,
  reduction_schemes,
  alignment_a,
  alignment_b,
  alignment_c,
  alignment_d
};
/// What a product does besides: it adds a bias to the rows of D; or it stores the sums of op(B) over K, one for each
/// column of D, which is the gradient of a bias.
enum class Epilogue : std::uint8_t { none, bias, bias_gradient_b };

/// cuBLASLt's opaque choice of an algorithm.
struct Algorithm {
  std::uint64_t data[8] = {};
  friend bool operator==(Algorithm const&, Algorithm const&) = default;
};

struct AlgorithmCandidate {
  Algorithm algorithm;
  std::size_t workspace_bytes = 0;
};

/// The table. Each function is CUDA's of the same name in camel case and with its arguments, less what the backend never
/// varies (device 0 of those visible; matrices in column-major order).
class Api {
 public:
  Api() = default;
  Api(Api const&) = delete;
  Api& operator=(Api const&) = delete;
  virtual ~Api() = default;

  /// "cudaErrorMemoryAllocation: out of memory"
  [[nodiscard]] virtual std::string describe(Status status) const = 0;

  virtual Status cuda_driver_get_version(int* version) = 0;
  virtual Status cuda_runtime_get_version(int* version) = 0;
  virtual Status cuda_get_device_count(int* count) = 0;
  virtual Status cuda_get_device_properties(DeviceInfo* info) = 0;
  virtual Status cuda_mem_get_info(Index* free, Index* total) = 0;
  virtual Status cuda_malloc(void** memory, Index bytes) = 0;
  virtual Status cuda_free(void* memory) = 0;
  virtual Status cuda_malloc_host(void** memory, Index bytes) = 0;
  virtual Status cuda_free_host(void* memory) = 0;
  virtual Status cuda_memset_async(void* memory, int value, Index bytes, Stream stream) = 0;
  virtual Status cuda_memcpy_async(void* to, void const* from, Index bytes, CopyKind kind,
                                   Stream stream) = 0;
  virtual Status cuda_stream_create(Stream* stream) = 0;
  virtual Status cuda_stream_synchronize(Stream stream) = 0;
  virtual Status cuda_stream_destroy(Stream stream) = 0;
  virtual Status cuda_event_create(Event* event) = 0;
  virtual Status cuda_event_record(Event event, Stream stream) = 0;
  virtual Status cuda_event_synchronize(Event event) = 0;
  virtual Status cuda_event_elapsed_time(float* milliseconds, Event begin, Event end) = 0;
  virtual Status cuda_event_destroy(Event event) = 0;
  virtual Status cuda_stream_wait_event(Stream stream, Event event) = 0;
  virtual Status cuda_launch_kernel(LaunchRequest const& request, Stream stream) = 0;
  /// What this thread submits to the stream, and to those that wait for it, is recorded and not run.
  virtual Status cuda_stream_begin_capture(Stream stream) = 0;
  virtual Status cuda_stream_end_capture(Stream stream, Graph* graph) = 0;
  virtual Status cuda_graph_instantiate(GraphExec* exec, Graph graph) = 0;
  virtual Status cuda_graph_launch(GraphExec exec, Stream stream) = 0;
  virtual Status cuda_graph_exec_destroy(GraphExec exec) = 0;
  virtual Status cuda_graph_destroy(Graph graph) = 0;

  virtual Status cublas_lt_create(void** handle) = 0;
  virtual Status cublas_lt_destroy(void* handle) = 0;
  [[nodiscard]] virtual std::size_t cublas_lt_get_version() = 0;
  virtual Status cublas_lt_matmul_desc_create(void** description, ComputeType compute,
                                              NumberType scale) = 0;
  virtual Status cublas_lt_matmul_desc_set_attribute(void* description, MatmulAttribute attribute,
                                                     std::uint64_t value) = 0;
  virtual Status cublas_lt_matmul_desc_destroy(void* description) = 0;
  virtual Status cublas_lt_matrix_layout_create(void** layout, NumberType type, Index rows,
                                                Index columns, Index leading_dimension) = 0;
  virtual Status cublas_lt_matrix_layout_destroy(void* layout) = 0;
  virtual Status cublas_lt_matmul_preference_create(void** preference) = 0;
  virtual Status cublas_lt_matmul_preference_set_attribute(void* preference,
                                                           PreferenceAttribute attribute,
                                                           std::uint64_t value) = 0;
  virtual Status cublas_lt_matmul_preference_destroy(void* preference) = 0;
  virtual Status cublas_lt_matmul_algo_get_heuristic(void* handle, void* description, void* a,
                                                     void* b, void* c, void* d, void* preference,
                                                     int asked, AlgorithmCandidate* candidates,
                                                     int* found) = 0;
  /// Whether an algorithm from a file fits; its workspace where it does.
  virtual Status cublas_lt_matmul_algo_check(void* handle, void* description, void* a, void* b,
                                             void* c, void* d, Algorithm const& algorithm,
                                             std::size_t* workspace_bytes) = 0;
  virtual Status cublas_lt_matmul(void* handle, void* description, void const* alpha, void const* a,
                                  void* a_layout, void const* b, void* b_layout, void const* beta,
                                  void const* c, void* c_layout, void* d, void* d_layout,
                                  Algorithm const* algorithm, void* workspace,
                                  std::size_t workspace_bytes, Stream stream) = 0;
};

/// A call of the table that failed.
class CallError : public Error {
 public:
  CallError(Status status, std::string const& text) : Error(text), status_(status) {}
  [[nodiscard]] Status status() const { return status_; }

 private:
  Status status_;
};

/// Throws a CallError: "cuda: cuda_malloc(&memory, bytes): cudaErrorMemoryAllocation: out of memory (64 bytes) at FILE:LINE".
[[noreturn]] inline void throw_call_failed(Api const& api, Status status, char const* call,
                                           char const* file, int line, std::string const& about) {
  throw CallError(
      status, message("cuda: ", call, ": ", api.describe(status), about.empty() ? "" : " (", about,
                      about.empty() ? "" : ")", " at ", file, ":", line));
}

/// Owns what a call of the table made, and gives it back with the table's `Destroy`.
template <Status (Api::*Destroy)(void*)>
class Owned {
 public:
  Owned() = default;
  Owned(Api& api, void* value) : api_(&api), value_(value) {}
  Owned(Owned&& other) noexcept : api_(other.api_), value_(std::exchange(other.value_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(api_, other.api_);
    std::swap(value_, other.value_);
    return *this;
  }
  ~Owned() {
    if (value_ != nullptr) static_cast<void>((api_->*Destroy)(value_));
  }
  [[nodiscard]] void* get() const { return value_; }

 private:
  Api* api_ = nullptr;
  void* value_ = nullptr;
};

using OwnedMemory = Owned<&Api::cuda_free>;
using OwnedStream = Owned<&Api::cuda_stream_destroy>;
using OwnedEvent = Owned<&Api::cuda_event_destroy>;
using OwnedGraph = Owned<&Api::cuda_graph_destroy>;
using OwnedGraphExec = Owned<&Api::cuda_graph_exec_destroy>;

}  // namespace cuda

ACCRETE_END_NAMESPACE

/// nvcc compiles kernels for the device, every other compiler compiles them for the host. A program may hold both, so
/// what depends on it has a name of its own in each.
#if defined(__CUDACC__)
#define ACCRETE_CUDA_CODE device_code
#else
#define ACCRETE_CUDA_CODE host_code
#endif
#define ACCRETE_BEGIN_CUDA_NAMESPACE \
  ACCRETE_BEGIN_NAMESPACE            \
  namespace cuda {                   \
  inline namespace ACCRETE_CUDA_CODE {
#define ACCRETE_END_CUDA_NAMESPACE \
  }                                \
  }                                \
  ACCRETE_END_NAMESPACE

/// Makes one call of a table and throws a CallError unless it succeeds: ACCRETE_CUDA(api, cuda_free(memory), "what for ", n).
/// The parts that follow the call say what it was about, such as shapes; they are evaluated after a failure alone.
#define ACCRETE_CUDA(api, call, ...)                                                             \
  do {                                                                                           \
    auto& accrete_cuda_api = (api);                                                              \
    if (auto const accrete_cuda_status = accrete_cuda_api.call; !accrete_cuda_status.ok())       \
      ::accrete::cuda::throw_call_failed(accrete_cuda_api, accrete_cuda_status, #call, __FILE__, \
                                         __LINE__,                                               \
                                         ::accrete::message("" __VA_OPT__(, ) __VA_ARGS__));     \
  } while (false)
