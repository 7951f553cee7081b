/// What the copies of one CUDA backend share: the table of calls, a stream, scratch memory.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <accrete/backend/cuda/execution.hpp>
#include <accrete/backend/cuda/lane.hpp>
#include <accrete/backend/cuda/options.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// One device and one stream on it, in whose order everything happens. Threads may share it.
class Context {
 public:
  /// Throws an Error that says so where there is no device, or one or a driver that is too old.
  explicit Context(std::shared_ptr<Api> api);

  [[nodiscard]] Api& api() const { return *api_; }
  /// Where this thread submits.
  [[nodiscard]] Stream stream() const { return lane().stream.get(); }
  /// To be called after each submission.
  void submitted() const { submissions_.fetch_add(1); }
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
  /// To memory from allocate_pinned, without waiting.
  void copy_to_pinned(void* to, void const* from, Index bytes) const {
    copy(to, from, bytes, CopyKind::to_host);
  }
  void set_to_zero(void* memory, Index bytes) const {
    if (bytes <= 0) return;
    ACCRETE_CUDA(*api_, cuda_memset_async(memory, 0, bytes, stream()), bytes, " bytes");
    submitted();
  }
  /// Waits for all that this thread has submitted; not a call of the table where all of it has been waited for.
  void synchronize() const;

  /// Calls work(), whose submissions become a graph and do not run. What other threads submit meanwhile does. No recording,
  /// and a warning, where CUDA refuses some of it.
  template <class F>
  [[nodiscard]] Recording record(F&& work);
  void replay(Recording const& recording);
  /// Calls f(i) for the i in [0, count): what each submits runs in order, but not after what the others submit. It all
  /// begins after what was submitted before, and what is submitted later comes after all of it. Each branch but the first
  /// has a stream, scratch memory and a workspace of its own.
  template <class F>
  void side_by_side(Index count, F&& f);
  /// Why nothing is recorded, said once; empty while all is well.
  [[nodiscard]] std::string take_warning() {
    std::lock_guard const lock(lanes_mutex_);
    return std::exchange(warning_, {});
  }

  /// Memory of `bytes` bytes for cuBLASLt, always the same in one order of work.
  [[nodiscard]] void* workspace(Index bytes) const;

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
  /// As long as it lives, this thread submits to another lane than the main one.
  class OnLane {
   public:
    OnLane(Context& context, Lane const& lane)
        : context_(context), lane_(context.lane_), thread_(context.on_lane_) {
      context_.lane_ = &lane;
      context_.on_lane_ = std::this_thread::get_id();
    }
    OnLane(OnLane const&) = delete;
    OnLane& operator=(OnLane const&) = delete;
    ~OnLane() {
      context_.on_lane_ = thread_;
      context_.lane_ = lane_;
    }

   private:
    Context& context_;
    Lane const* lane_;
    std::thread::id thread_;
  };

  [[nodiscard]] Lane const& lane() const {
    return on_lane_.load() == std::this_thread::get_id() ? *lane_ : main_;
  }
  void copy(void* to, void const* from, Index bytes, CopyKind kind) const {
    if (bytes <= 0) return;
    ACCRETE_CUDA(*api_, cuda_memcpy_async(to, from, bytes, kind, stream()), bytes, " bytes");
    submitted();
  }
  /// Whether all that was submitted to the main lane has been waited for.
  [[nodiscard]] bool is_idle() const { return waited_for_.load() >= submissions_.load(); }
  void look_for_device();
  /// What a recording under way uses is kept with it.
  void keep(std::shared_ptr<std::byte[]> const& memory) const {
    if (&lane() != &main_ && recording_) kept_.push_back(memory);
  }
  [[nodiscard]] OwnedStream make_stream() const {
    Stream stream = nullptr;
    ACCRETE_CUDA(*api_, cuda_stream_create(&stream));
    return {*api_, stream};
  }
  template <class F>
  [[nodiscard]] OwnedGraph capture(F&& work);
  [[nodiscard]] Lane const& next_branch();
  void record_event(Lane const& branch, Lane const& on) const {
    ACCRETE_CUDA(*api_, cuda_event_record(branch.event.get(), on.stream.get()));
  }
  void wait_for(Lane const& branch, Lane const& on) const {
    ACCRETE_CUDA(*api_, cuda_stream_wait_event(on.stream.get(), branch.event.get()));
  }

  std::shared_ptr<Api> api_;
  DeviceInfo device_;
  int driver_version_ = 0;
  Lane main_;
  mutable std::atomic<std::uint64_t> submissions_{0}, waited_for_{0};

  std::recursive_mutex lanes_mutex_;  // of what follows: one thread at a time is on another lane
  Lane recorded_;                     // with the main lane's memory, since graphs run in its order
  Lane const* lane_ = nullptr;
  std::atomic<std::thread::id> on_lane_{};
  std::deque<Lane> branches_;
  std::size_t branches_used_ = 0;  // by the outermost call of side_by_side that is under way
  int side_by_side_depth_ = 0;
  bool recording_ = false;
  mutable std::vector<std::shared_ptr<std::byte[]>> kept_;
  std::string warning_;
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
  context.submitted();
}

/// Enough blocks of `threads` threads for `count` elements, and no more than keep a large device busy.
[[nodiscard]] inline Index blocks_for(Index count, int threads) {
  constexpr Index enough = 4096;
  return std::min<Index>((count + threads - 1) / threads, enough);
}

inline Context::Context(std::shared_ptr<Api> api) : api_(std::move(api)) {
  look_for_device();
  main_ = {make_stream(), std::make_shared<LaneMemory>()};
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
  if (refuses_pinning(status))
    return std::shared_ptr<std::byte[]>(new std::byte[static_cast<std::size_t>(bytes)]);
  if (!status.ok())
    throw_call_failed(self->api(), status, "cuda_malloc_host(&memory, bytes)", __FILE__, __LINE__,
                      message(bytes, " bytes"));
  auto const release = [self](std::byte* pinned) {  // after the copies that may still read it
    if (!self->is_idle())
      static_cast<void>(self->api().cuda_stream_synchronize(self->main_.stream.get()));
    static_cast<void>(self->api().cuda_free_host(pinned));
  };
  return {static_cast<std::byte*>(memory), release};
}

inline Context::Scratch Context::scratch(Index bytes) {
  LaneMemory& memory = *lane().memory;
  Scratch lease(memory.mutex);
  if (bytes > memory.scratch_bytes) {
    memory.scratch_bytes = 0;
    memory.scratch.reset();  // what was launched on it has been waited for when cudaFree returns
    memory.scratch = allocate(bytes);
    memory.scratch_bytes = bytes;
  }
  keep(memory.scratch);
  lease.memory_ = memory.scratch.get();
  return lease;
}

inline void* Context::workspace(Index bytes) const {
  LaneMemory& memory = *lane().memory;
  if (memory.workspace == nullptr) memory.workspace = allocate(bytes);
  keep(memory.workspace);
  return memory.workspace.get();
}

inline void Context::synchronize() const {
  bool const on_main = &lane() == &main_;
  std::uint64_t const all = submissions_.load();
  if (on_main && is_idle()) return;
  ACCRETE_CUDA(*api_, cuda_stream_synchronize(stream()));
  if (on_main)
    waited_for_ = all;  // perhaps less than another thread has put there: one wait too many
}

ACCRETE_END_CUDA_NAMESPACE

#include <accrete/backend/cuda/context_lanes.hpp>
