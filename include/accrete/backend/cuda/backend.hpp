/// The CUDA backend: products by cuBLASLt, kernels of our own for the rest.
///
/// nvcc compiles it for a device. Any other compiler builds the same code on a table of calls that is given to it, which
/// is how its logic is tested where no device is.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <accrete/backend/cuda/device_space.hpp>
#include <accrete/backend/cuda/product.hpp>
#include <accrete/concepts/backend.hpp>
#if defined(__CUDACC__)
#include <accrete/backend/cuda/device_api.cuh>
#endif

ACCRETE_BEGIN_NAMESPACE
inline namespace ACCRETE_CUDA_CODE {

/// A cheap shared handle: copies share one stream on device 0 of those visible (CUDA_VISIBLE_DEVICES chooses). Numbers
/// are stored as E; the optimizer owns floats, or doubles where E is double, which is for tests.
template <class E>
class BasicCudaBackend {
 public:
  using Element = E;
  using Master = cuda::Compute<E>;
  using Statistic = Master;
  using Accumulator = Master;
  using Space = DeviceSpace;
  using Recording = cuda::Recording;

#if defined(__CUDACC__)
  /// Throws an Error where there is no device, or the driver or the device is too old.
  explicit BasicCudaBackend(CudaOptions const& options = {})
      : BasicCudaBackend(std::make_shared<cuda::DeviceApi>(), options) {}
#endif
  explicit BasicCudaBackend(std::shared_ptr<cuda::Api> api, CudaOptions const& options = {})
      : context_(std::make_shared<cuda::Context>(std::move(api))),
        product_(std::make_shared<cuda::CudaProduct>(context_, options)),
        decode_kernels_(options.decode_kernels),
        graphs_(options.graphs),
        description_(describe(options)) {}

  [[nodiscard]] std::shared_ptr<std::byte[]> allocate(Index bytes) const {
    return context_->allocate(bytes);
  }
  [[nodiscard]] std::shared_ptr<std::byte[]> allocate_pinned(Index bytes) const {
    return cuda::Context::allocate_pinned(context_, bytes);
  }
  /// Such as "cuda: NVIDIA H100 80GB HBM3 (9.0), driver 13.0, cuBLASLt 13.0.2, float".
  [[nodiscard]] std::string description() const {
    return description_;
  }

  /// What has come to be computed slowly, said once; empty while all is well.
  [[nodiscard]] std::string take_warning() const {
    std::string const of_products = product_->take_warning(), of_graphs = context_->take_warning();
    return of_products + (of_products.empty() || of_graphs.empty() ? "" : "; ") + of_graphs;
  }

  void copy_to_device(void* to, void const* from, Index bytes) const {
    context_->copy_to_device(to, from, bytes);
  }
  void copy_to_host(void* to, void const* from, Index bytes) const {
    context_->copy_to_host(to, from, bytes);
  }

  void copy_to_pinned(void* to, void const* from, Index bytes) const {
    context_->copy_to_pinned(to, from, bytes);
  }
  void synchronize() const {
    context_->synchronize();
  }

  /// Nothing under `CudaOptions::graphs = false`.
  template <class F>
  [[nodiscard]] Recording record(F&& work) const {
    return graphs_ ? context_->record(work) : Recording();
  }
  void replay(Recording const& recording) const {
    context_->replay(recording);
  }
  template <class F>
  void side_by_side(Index count, F&& f) const {
    context_->side_by_side(count, f);
  }

  [[nodiscard]] cuda::Context& context() const {
    return *context_;
  }
  [[nodiscard]] cuda::CudaProduct& product() const {
    return *product_;
  }
  /// CudaOptions::decode_kernels.
  [[nodiscard]] bool decode_kernels() const {
    return decode_kernels_;
  }

 private:
  [[nodiscard]] std::string describe(CudaOptions const& options) const {
    auto const& device = context_->device();
    char const* const numbers = sizeof(E) == 8   ? "double"
                                : sizeof(E) == 2 ? "bfloat16"
                                : options.tf32   ? "float, products in tf32"
                                                 : "float";
    int const driver = context_->driver_version();
    std::size_t const blas = product_->version();
    return message("cuda: ", device.name, " (", device.major, ".", device.minor, "), driver ",
                   driver / 1000, ".", driver % 1000 / 10, ", cuBLASLt ", blas / 10000, ".",
                   blas % 10000 / 100, ".", blas % 100, ", ", numbers);
  }

  std::shared_ptr<cuda::Context> context_;
  std::shared_ptr<cuda::CudaProduct> product_;
  bool decode_kernels_, graphs_;
  std::string description_;
};

}  // namespace ACCRETE_CUDA_CODE

using CudaBackend = BasicCudaBackend<float>;
using CudaBackendBf16 = BasicCudaBackend<bfloat16>;

static_assert(RecordsWork<CudaBackend> && RunsSideBySide<CudaBackend> &&
              WarnsOfSlowness<CudaBackend>);
static_assert(ComputeBackend<CudaBackend> && ComputeBackend<CudaBackendBf16>);

ACCRETE_END_NAMESPACE
