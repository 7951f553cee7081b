/// What the copies of one CUDA backend share: the table of calls, a stream, scratch memory.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <accrete/backend/cuda/execution.hpp>
#include <accrete/backend/cuda/options.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// One device and one stream on it, in whose order everything happens. Threads may share it.
class Context {
 public:
  /// Throws an Error that says so where there is no device, or one or a driver that is too old.
  explicit Context(std::shared_ptr<Api> api);

  [[nodiscard]] Api& api() const { return *api_; }
  [[nodiscard]] Stream stream() const { return stream_.get(); }
  [[nodiscard]] DeviceInfo const& device() const { return device_; }
  [[nodiscard]] int driver_version() const { return driver_version_; }

  /// Zeroed memory, released with its last handle. Throws an Error that says what was asked for and what is free.
  [[nodiscard]] std::shared_ptr<std::byte[]> allocate(Index bytes) const;

  /// Host memory, with rubbish in it, that the device copies from and to by itself; ordinary memory where no more can be
  /// pinned. `self` is this.
  [[nodiscard]] static std::shared_ptr<std::byte[]> allocate_pinned(
      std::shared_ptr<Context> const& self, Index bytes);

  /// `bytes` bytes from host memory; they may change as soon as it returns, unless they are pinned.
  void copy_to_device(void* to, void const* from, Index bytes) const {
    copy(to, from, bytes, CopyKind::to_device);
  }
  /// Waits for all that was launched and for the copy.
  void copy_to_host(void* to, void const* from, Index bytes) const {
    copy(to, from, bytes, CopyKind::to_host);
    synchronize();
  }
  void copy_on_device(void* to, void const* from, Index bytes) const {
    copy(to, from, bytes, CopyKind::within_device);
  }
  void set_to_zero(void* memory, Index bytes) const {
    if (bytes > 0)
      ACCRETE_CUDA(*api_, cuda_memset_async(memory, 0, bytes, stream()), bytes, " bytes");
  }
  void synchronize() const { ACCRETE_CUDA(*api_, cuda_stream_synchronize(stream())); }

  /// Memory for what one operation needs between its launches. It is locked until the lease ends, and grows to the
  /// greatest that was ever asked for.
  class Scratch {
   public:
    template <class T>
    [[nodiscard]] T* as() const {
      return static_cast<T*>(memory_);
    }

   private:
    friend class Context;
    explicit Scratch(std::mutex& mutex) : lock_(mutex) {}
    std::unique_lock<std::mutex> lock_;
    void* memory_ = nullptr;
  };
  [[nodiscard]] Scratch scratch(Index bytes);

 private:
  void copy(void* to, void const* from, Index bytes, CopyKind kind) const {
    if (bytes > 0)
      ACCRETE_CUDA(*api_, cuda_memcpy_async(to, from, bytes, kind, stream()), bytes, " bytes");
  }
  void look_for_device();

  std::shared_ptr<Api> api_;
  DeviceInfo device_;
  int driver_version_ = 0;
  OwnedStream stream_;
  std::mutex scratch_mutex_;
  std::shared_ptr<std::byte[]> scratch_;
  Index scratch_bytes_ = 0;
};

/// Launches `body` as `blocks` blocks; none is no launch. `about` says sizes, should the launch fail.
template <class Body, class... About>
void launch(Context const& context, char const* name, Index blocks, Body const& body,
            About const&... about) {
  constexpr Index most_blocks = 2147483647;
  if (blocks <= 0) return;
  if (blocks > most_blocks)
    throw ShapeError(message("cuda: ", name, ": ", blocks, " blocks are more than a grid holds"));
  LaunchRequest const request = launch_request(name, blocks, body);
  ACCRETE_CUDA(context.api(), cuda_launch_kernel(request, context.stream()), name, ": ", blocks,
               " blocks of ", Body::threads, " threads", about...);
}

/// Enough blocks of `threads` threads for `count` elements, and no more than keep a large device busy.
[[nodiscard]] inline Index blocks_for(Index count, int threads) {
  constexpr Index enough = 4096;
  return std::min<Index>((count + threads - 1) / threads, enough);
}

inline Context::Context(std::shared_ptr<Api> api) : api_(std::move(api)) {
  look_for_device();
  Stream stream = nullptr;
  ACCRETE_CUDA(*api_, cuda_stream_create(&stream));
  stream_ = OwnedStream(*api_, stream);
}

inline void Context::look_for_device() {
  constexpr int oldest = 8;  // Ampere: the first with bfloat16
  int built_for = 0, devices = 0;
  ACCRETE_CUDA(*api_, cuda_driver_get_version(&driver_version_));
  ACCRETE_CUDA(*api_, cuda_runtime_get_version(&built_for));
  if (driver_version_ == 0) throw Error("no CUDA device: this machine has no CUDA driver");
  auto const version = [](int number) { return message(number / 1000, ".", number % 1000 / 10); };
  if (driver_version_ / 1000 < built_for / 1000)
    throw Error(message("the CUDA driver is too old: it is for CUDA ", version(driver_version_),
                        ", this program was built with CUDA ", version(built_for)));
  if (auto const status = api_->cuda_get_device_count(&devices); !status.ok())
    throw Error(message("no CUDA device: ", api_->describe(status)));
  if (devices == 0) throw Error("no CUDA device: none is visible to this program");
  ACCRETE_CUDA(*api_, cuda_get_device_properties(&device_));
  if (device_.major < oldest)
    throw Error(message("the CUDA device ", device_.name, " is too old: its compute capability is ",
                        device_.major, ".", device_.minor, ", expected at least ", oldest, ".0"));
}

inline std::shared_ptr<std::byte[]> Context::allocate(Index bytes) const {
  void* memory = nullptr;
  Index const asked = std::max<Index>(bytes, 1);
  auto const status = api_->cuda_malloc(&memory, asked);
  if (status.library == Status::Library::runtime && status.code == out_of_memory) {
    Index free = 0, total = 0;
    ACCRETE_CUDA(*api_, cuda_mem_get_info(&free, &total));
    throw Error(message("out of device memory: ", asked, " bytes were asked for, ", free, " of ",
                        total, " are free; use a smaller batch or model"));
  }
  if (!status.ok())
    throw_call_failed(*api_, status, "cuda_malloc(&memory, asked)", __FILE__, __LINE__,
                      message(asked, " bytes"));
  OwnedMemory owned(*api_, memory);
  set_to_zero(memory, asked);
  // The deleter keeps the table, and frees what it owns.
  auto const owner =
      std::make_shared<std::pair<std::shared_ptr<Api>, OwnedMemory>>(api_, std::move(owned));
  return {owner, static_cast<std::byte*>(memory)};
}

inline std::shared_ptr<std::byte[]> Context::allocate_pinned(std::shared_ptr<Context> const& self,
                                                             Index bytes) {
  void* memory = nullptr;
  auto const status = self->api().cuda_malloc_host(&memory, bytes);
  if (status.library == Status::Library::runtime && status.code == out_of_memory)
    return std::shared_ptr<std::byte[]>(new std::byte[static_cast<std::size_t>(bytes)]);
  if (!status.ok())
    throw_call_failed(self->api(), status, "cuda_malloc_host(&memory, bytes)", __FILE__, __LINE__,
                      message(bytes, " bytes"));
  auto const release = [self](std::byte* pinned) {  // after the copies that may still read it
    static_cast<void>(self->api().cuda_stream_synchronize(self->stream()));
    static_cast<void>(self->api().cuda_free_host(pinned));
  };
  return {static_cast<std::byte*>(memory), release};
}

inline Context::Scratch Context::scratch(Index bytes) {
  Scratch lease(scratch_mutex_);
  if (bytes > scratch_bytes_) {
    scratch_bytes_ = 0;
    scratch_.reset();  // what was launched on it has been waited for when cudaFree returns
    scratch_ = allocate(bytes);
    scratch_bytes_ = bytes;
  }
  lease.memory_ = scratch_.get();
  return lease;
}

ACCRETE_END_CUDA_NAMESPACE
