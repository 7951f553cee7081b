/// A CUDA device on the host: memory from the heap, kernels as loops, products as plain loops. It counts what is asked of
/// it, finds what is given back wrongly or not at all, and fails at whatever call a test likes. A graph runs its nodes in
/// an order drawn from a seed, out of those that streams and events allow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <accrete/backend/cuda/api.hpp>
#include <accrete/core/bfloat16.hpp>

#include "support/fake_graph.hpp"

namespace accrete_test {

using accrete::Index;

class FakeCuda final : public accrete::cuda::Api {
 public:
  using Status = accrete::cuda::Status;
  using NumberType = accrete::cuda::NumberType;

  struct Settings {
    int driver_version = 13000, runtime_version = 13000, devices = 1;
    int major = 8, minor = 0;
    Index memory = Index{1} << 32;
    Index pinnable = Index{1} << 32;
    int refuses_pinning = accrete::cuda::out_of_memory;  ///< the code of what cannot be pinned
    bool checks_memory = true;  ///< copies and kernels may only touch what was allocated here
    Index fail_at = 0;          ///< this call fails, counted from 1; those that give back never do
    std::vector<float> milliseconds{3, 1, 2};  ///< of each algorithm
    std::function<bool(Index rows, Index columns, Index inner)> refuses{};
    bool refuses_epilogues = false;
    int refuses_capture = 0;  ///< the code with which capturing ends
    bool waits = false;       ///< work runs when something waits for it, as late as a device may
    std::uint64_t seed = 1;
  };

  static constexpr int invalid_value = 1;  // cudaErrorInvalidValue
  static constexpr int no_kernel = 98;     // cudaErrorInvalidDeviceFunction
  static constexpr int injected = 999;     // cudaErrorUnknown
  static constexpr int capture_invalidated = 901, capture_unjoined = 904;
  static constexpr int blas_invalid_value = 7;  // CUBLAS_STATUS_INVALID_VALUE

  FakeCuda() = default;
  explicit FakeCuda(Settings settings) : settings_(std::move(settings)) {}
  ~FakeCuda() override {
    for (auto const& [memory, bytes] : memory_) std::free(memory);
    for (auto const& [memory, bytes] : pinned_) std::free(memory);
  }

  /// All that was made and not given back: memory and handles, and streams that still record.
  [[nodiscard]] std::size_t alive() const {
    return memory_.size() + pinned_.size() + handles_.size() + recording_.size();
  }
  /// Bytes of pinned host memory.
  [[nodiscard]] Index pinned() const {
    Index sum = 0;
    for (auto const& [memory, bytes] : pinned_) sum += bytes;
    return sum;
  }
  [[nodiscard]] Index copies_from_pinned() const { return copies_from_pinned_; }
  [[nodiscard]] std::vector<std::string> const& mistakes() const { return mistakes_; }
  [[nodiscard]] Index calls() const { return calls_; }
  [[nodiscard]] Index launches() const { return launches_; }
  [[nodiscard]] Index graphs_made() const { return graphs_made_; }
  [[nodiscard]] Index graph_launches() const { return graph_launches_; }
  /// Nodes of the last graph, and how many of them can follow one another at most.
  [[nodiscard]] std::size_t graph_nodes() const { return last_graph_.first; }
  [[nodiscard]] std::size_t graph_depth() const { return last_graph_.second; }
  [[nodiscard]] Index allocations() const { return allocations_; }
  [[nodiscard]] Index heuristics() const { return heuristics_; }
  [[nodiscard]] std::map<std::string, Index> const& launches_by_name() const { return by_name_; }
  [[nodiscard]] std::uint64_t last_algorithm() const { return last_algorithm_; }
  [[nodiscard]] Settings& settings() { return settings_; }

  std::string describe(Status status) const override {
    return (status.library == Status::Library::blas ? "fake cuBLASLt error " : "fake CUDA error ") +
           std::to_string(status.code);
  }

  Status cuda_driver_get_version(int* version) override {
    return answer([&] { *version = settings_.driver_version; });
  }
  Status cuda_runtime_get_version(int* version) override {
    return answer([&] { *version = settings_.runtime_version; });
  }
  Status cuda_get_device_count(int* count) override {
    return answer([&] { *count = settings_.devices; });
  }
  Status cuda_get_device_properties(accrete::cuda::DeviceInfo* info) override {
    return answer([&] {
      *info = {.name = "Fake",
               .major = settings_.major,
               .minor = settings_.minor,
               .multiprocessors = 4,
               .memory = settings_.memory};
    });
  }
  Status cuda_mem_get_info(Index* free, Index* total) override {
    return answer([&] {
      *total = settings_.memory;
      *free = settings_.memory - used_;
    });
  }
  Status cuda_malloc(void** memory, Index bytes) override {
    if (fails()) return {.code = injected};
    if (auto const status = outside_of_capture(); !status.ok()) return status;
    if (bytes > settings_.memory - used_) return {.code = accrete::cuda::out_of_memory};
    *memory = std::malloc(static_cast<std::size_t>(bytes));
    std::memset(*memory, 0xFF,
                static_cast<std::size_t>(bytes));  // NaNs, until something is written
    memory_[*memory] = bytes;
    used_ += bytes;
    ++allocations_;
    return {};
  }
  Status cuda_free(void* memory) override {
    auto const found = memory_.find(memory);
    if (found == memory_.end()) return mistake("freed what was not allocated");
    static_cast<void>(outside_of_capture());
    run_all();
    used_ -= found->second;
    memory_.erase(found);
    std::free(memory);
    return {};
  }
  Status cuda_malloc_host(void** memory, Index bytes) override {
    if (fails()) return {.code = injected};
    if (auto const status = outside_of_capture(); !status.ok()) return status;
    if (bytes > settings_.pinnable - pinned()) return {.code = settings_.refuses_pinning};
    *memory = std::malloc(static_cast<std::size_t>(bytes));
    pinned_[*memory] = bytes;
    return {};
  }
  Status cuda_free_host(void* memory) override {
    if (pinned_.count(memory) == 0) return mistake("freed host memory that was not pinned");
    if (in_flight_.count(memory) != 0) return mistake("freed host memory that is being copied");
    pinned_.erase(memory);
    std::free(memory);
    return {};
  }
  Status cuda_memset_async(void* memory, int value, Index bytes, void* stream) override {
    if (fails()) return {.code = injected};
    if (!owns(memory, bytes)) return mistake("set memory that is not the device's");
    if (handles_.count(stream) == 0) return mistake("set memory on no stream");
    return submit(stream, [=, this] {
      if (!owns(memory, bytes)) return static_cast<void>(mistake("set memory that is gone"));
      std::memset(memory, value, static_cast<std::size_t>(bytes));
    });
  }
  Status cuda_memcpy_async(void* to, void const* from, Index bytes, accrete::cuda::CopyKind kind,
                           void* stream) override {
    if (fails()) return {.code = injected};
    bool const to_device = kind != accrete::cuda::CopyKind::to_host;
    bool const from_device = kind != accrete::cuda::CopyKind::to_device;
    if (owns(to, bytes) != to_device && settings_.checks_memory)
      return mistake("copied to the wrong memory");
    if (owns(from, bytes) != from_device && settings_.checks_memory)
      return mistake("copied from the wrong memory");
    if (handles_.count(stream) == 0) return mistake("copied on no stream");
    void* const pinned = block_of(pinned_, to_device ? from : to, bytes);
    bool const on_its_own = pinned != nullptr || (to_device && from_device);
    if (to_device && !from_device && pinned != nullptr && !captures(stream)) {
      in_flight_.insert(pinned);
      ++copies_from_pinned_;
    }
    if (on_its_own)
      return submit(stream, [=, this] {
        if (settings_.checks_memory &&
            (owns(to, bytes) != to_device || owns(from, bytes) != from_device))
          return static_cast<void>(mistake("copied memory that is gone"));
        std::memcpy(to, from, static_cast<std::size_t>(bytes));
      });
    // Ordinary memory of the host: read at once, or written by the time that the call returns.
    if (captures(stream)) return outside_of_capture();
    if (!to_device) run_all();
    auto const taken = std::make_shared<std::vector<char>>(static_cast<std::size_t>(bytes));
    std::memcpy(taken->data(), from, taken->size());
    auto const put = [to, taken] { std::memcpy(to, taken->data(), taken->size()); };
    if (!to_device) return put(), Status{};
    return submit(stream, put);
  }
  Status cuda_stream_create(void** stream) override { return make(stream); }
  Status cuda_stream_synchronize(void* stream) override {
    if (auto const status = use(stream); !status.ok()) return status;
    if (auto const status = outside_of_capture(); !status.ok()) return status;
    run_all();
    in_flight_.clear();
    return {};
  }
  Status cuda_stream_destroy(void* stream) override { return destroy(stream); }
  Status cuda_event_create(void** event) override { return make(event); }
  Status cuda_event_record(void* event, void* stream) override {
    if (handles_.count(stream) == 0) return mistake("recorded on no stream");
    if (auto const status = use(event); !status.ok()) return status;
    events_.erase(event);
    if (captures(stream)) events_[event] = recording_.at(stream);
    return {};
  }
  Status cuda_event_synchronize(void* event) override {
    if (auto const status = use(event); !status.ok()) return status;
    if (auto const status = outside_of_capture(); !status.ok()) return status;
    run_all();
    return {};
  }
  Status cuda_event_elapsed_time(float* milliseconds, void* begin, void* end) override {
    if (handles_.count(begin) == 0) return mistake("no event");
    if (auto const status = outside_of_capture(); !status.ok()) return status;
    *milliseconds = settings_.milliseconds.at(last_algorithm_ - 1);
    return use(end);
  }
  Status cuda_event_destroy(void* event) override {
    events_.erase(event);
    return destroy(event);
  }
  Status cuda_stream_wait_event(void* stream, void* event) override {
    if (handles_.count(stream) == 0) return mistake("no stream waits");
    if (auto const status = use(event); !status.ok()) return status;
    auto const recorded = events_.find(event);
    if (recorded != events_.end() && graph_.has_value())  // the stream joins the capture
      recording_[stream].insert(recorded->second.begin(), recorded->second.end());
    return {};
  }

  Status cuda_launch_kernel(accrete::cuda::LaunchRequest const& request, void* stream) override {
    if (fails()) return {.code = injected};
    if (request.run_block == nullptr) return {.code = no_kernel};
    if (request.blocks < 1 || handles_.count(stream) == 0) return {.code = invalid_value};
    ++launches_;
    ++by_name_[request.name];
    // The body is the launch's own, as a device has it.
    auto const words = static_cast<std::size_t>(request.body_bytes) / sizeof(std::max_align_t) + 1;
    auto const body = std::make_shared<std::vector<std::max_align_t>>(words);
    std::memcpy(static_cast<void*>(body->data()), request.body,
                static_cast<std::size_t>(request.body_bytes));
    return submit(stream, [=, this] {
      std::uint64_t const seed = settings_.seed + static_cast<std::uint64_t>(++runs_);
      for (Index i = 0; i < request.blocks; ++i) {  // blocks come in no order that counts
        Index const block = seed % 2 == 0 ? i : request.blocks - 1 - i;
        request.run_block(body->data(), block, request.blocks, request.shared_bytes, seed);
      }
    });
  }

  Status cuda_stream_begin_capture(void* stream) override {
    if (auto const status = use(stream); !status.ok()) return status;
    if (graph_.has_value()) return mistake("records two graphs at once");
    graph_.emplace();
    recording_[stream] = {};
    origin_ = stream;
    return {};
  }
  Status cuda_stream_end_capture(void* stream, void** graph) override {
    bool const failed = fails();
    if (!graph_.has_value() || stream != origin_) return mistake("ends a capture that is none");
    FakeGraph recorded = std::move(*graph_);
    FakeGraph::Nodes const last = recording_.at(stream);
    graph_.reset();
    recording_.clear();
    events_.clear();
    if (failed) return {.code = injected};
    if (settings_.refuses_capture != 0) return {.code = settings_.refuses_capture};
    if (recorded.is_invalid()) return {.code = capture_invalidated};
    if (!recorded.ends_with(last)) return {.code = capture_unjoined};
    if (recorded.shares_a_workspace()) return mistake("two products at once in one workspace");
    last_graph_ = {recorded.size(), recorded.depth()};
    *graph = new_handle();
    graphs_[*graph] = std::move(recorded);
    return {};
  }
  Status cuda_graph_instantiate(void** exec, void* graph) override {
    if (fails()) return {.code = injected};
    if (graphs_.count(graph) == 0) return mistake("instantiates what is no graph");
    *exec = new_handle();
    graphs_[*exec] = graphs_.at(graph);
    ++graphs_made_;
    return {};
  }
  Status cuda_graph_launch(void* exec, void* stream) override {
    if (fails()) return {.code = injected};
    if (graphs_.count(exec) == 0 || handles_.count(stream) == 0 || captures(stream))
      return mistake("launches what is no graph");
    ++graph_launches_;
    for (auto const& [pinned, bytes] : pinned_) in_flight_.insert(pinned);  // any may be read
    return submit(stream, [this, graph = graphs_.at(exec)] {
      graph.run(settings_.seed + static_cast<std::uint64_t>(++runs_));
    });
  }
  Status cuda_graph_exec_destroy(void* exec) override { return destroy_graph(exec); }
  Status cuda_graph_destroy(void* graph) override { return destroy_graph(graph); }

  Status cublas_lt_create(void** handle) override { return make(handle); }
  Status cublas_lt_destroy(void* handle) override { return destroy(handle); }
  std::size_t cublas_lt_get_version() override { return 130002; }
  Status cublas_lt_matmul_desc_create(void** description, accrete::cuda::ComputeType,
                                      NumberType) override {
    return make(description);
  }
  Status cublas_lt_matmul_desc_set_attribute(void* description,
                                             accrete::cuda::MatmulAttribute attribute,
                                             std::uint64_t value) override {
    if (handles_.count(description) != 0)
      handles_[description].numbers[static_cast<std::size_t>(attribute)] = value;
    return use(description);
  }
  Status cublas_lt_matmul_desc_destroy(void* description) override { return destroy(description); }
  Status cublas_lt_matrix_layout_create(void** layout, NumberType type, Index rows, Index columns,
                                        Index leading_dimension) override {
    if (rows < 1 || columns < 1 || leading_dimension < rows) {
      mistakes_.push_back("a layout of a matrix that cannot be");
      return {Status::Library::blas, blas_invalid_value};
    }
    auto const status = make(layout);
    if (status.ok()) handles_[*layout] = {{}, type, rows, columns, leading_dimension};
    return status;
  }
  Status cublas_lt_matrix_layout_destroy(void* layout) override { return destroy(layout); }
  Status cublas_lt_matmul_preference_create(void** preference) override { return make(preference); }
  Status cublas_lt_matmul_preference_set_attribute(void* preference,
                                                   accrete::cuda::PreferenceAttribute attribute,
                                                   std::uint64_t value) override {
    if (handles_.count(preference) != 0)
      handles_[preference].numbers[static_cast<std::size_t>(attribute)] = value;
    return use(preference);
  }
  Status cublas_lt_matmul_preference_destroy(void* preference) override {
    return destroy(preference);
  }
  Status cublas_lt_matmul_algo_get_heuristic(void* handle, void* description, void* a, void* b,
                                             void* c, void* d, void* preference, int asked,
                                             accrete::cuda::AlgorithmCandidate* candidates,
                                             int* found) override {
    if (fails()) return {Status::Library::blas, injected};
    ++heuristics_;
    if (handles_.count(handle) == 0 || handles_.count(preference) == 0)
      return mistake("asked with a handle that is none");
    if (c != d) return mistake("the layouts of C and D differ");
    if (!fits(description, a, b, d)) return mistake("layouts that do not fit one another");
    auto const epilogue =
        static_cast<Epilogue>(number_of(handles_[description], Attribute::epilogue));
    if (epilogue != Epilogue::none && !owns_epilogue(description, d))
      return mistake("asked before the epilogue's pointer was set");
    if (epilogue != Epilogue::none && settings_.refuses_epilogues)
      return {Status::Library::blas, accrete::cuda::blas_not_supported};
    Index const inner =
        handles_[description].numbers[0] != 0 ? handles_[a].rows : handles_[a].columns;
    if (settings_.refuses && settings_.refuses(handles_[d].columns, handles_[d].rows, inner))
      return {Status::Library::blas, accrete::cuda::blas_not_supported};
    *found = std::min(asked, static_cast<int>(settings_.milliseconds.size()));
    for (int i = 0; i < *found; ++i)
      candidates[i].algorithm.data[0] = static_cast<std::uint64_t>(i + 1);
    return {};
  }
  Status cublas_lt_matmul_algo_check(void*, void*, void*, void*, void*, void*,
                                     accrete::cuda::Algorithm const& algorithm,
                                     std::size_t* workspace_bytes) override {
    if (fails()) return {Status::Library::blas, injected};
    *workspace_bytes = 0;
    bool const known = algorithm.data[0] >= 1 && algorithm.data[0] <= settings_.milliseconds.size();
    return {Status::Library::blas, known ? 0 : accrete::cuda::blas_not_supported};
  }
  Status cublas_lt_matmul(void* handle, void* description, void const* alpha, void const* a,
                          void* a_layout, void const* b, void* b_layout, void const* beta,
                          void const* c, void* c_layout, void* d, void* d_layout,
                          accrete::cuda::Algorithm const* algorithm, void* workspace,
                          std::size_t workspace_bytes, void* stream) override {
    if (fails()) return {Status::Library::blas, injected};
    if (handles_.count(handle) == 0 || handles_.count(stream) == 0)
      return mistake("multiplied with a handle that is none");
    if (c_layout != d_layout || !fits(description, a_layout, b_layout, d_layout))
      return mistake("multiplied what does not fit");
    if (!owns(workspace, static_cast<Index>(workspace_bytes)))
      return mistake("a workspace that is not the device's");
    if (number_of(handles_[description], Attribute::epilogue) != 0 &&
        !owns_epilogue(description, d_layout))
      return mistake("an epilogue on memory that is not the device's");
    last_algorithm_ = algorithm->data[0];
    if (last_algorithm_ < 1 || last_algorithm_ > settings_.milliseconds.size())
      return mistake("an algorithm that is none");
    bool const of_doubles = handles_[a_layout].type == NumberType::float64;
    auto const factor = [&](void const* number) {  // the call's own, as the operands' pointers are
      return of_doubles ? *static_cast<double const*>(number)
                        : static_cast<double>(*static_cast<float const*>(number));
    };
    Product const product{handles_[description],
                          handles_[a_layout],
                          handles_[b_layout],
                          handles_[d_layout],
                          a,
                          b,
                          c,
                          d,
                          factor(alpha),
                          factor(beta)};
    auto const work = [product, this] {
      switch (product.a_layout.type) {
        case NumberType::float64:
          return multiply<double, double>(product);
        case NumberType::float32:
          return multiply<float, float>(product);
        case NumberType::bfloat16:
          return product.d_layout.type == NumberType::float32
                     ? multiply<accrete::bfloat16, float>(product)
                     : multiply<accrete::bfloat16, accrete::bfloat16>(product);
      }
    };
    return submit(stream, work, workspace);
  }

 private:
  using Attribute = accrete::cuda::MatmulAttribute;
  using Epilogue = accrete::cuda::Epilogue;
  struct Handle {
    std::map<std::size_t, std::uint64_t> numbers;  // attributes
    NumberType type = NumberType::float32;
    Index rows = 0, columns = 0, leading_dimension = 0;
  };
  struct Product {
    Handle description, a_layout, b_layout, d_layout;
    void const *a, *b, *c;
    void* d;
    double alpha, beta;
  };
  [[nodiscard]] bool fails() { return ++calls_ == settings_.fail_at; }
  template <class F>
  Status answer(F&& f) {
    if (fails()) return {.code = injected};
    f();
    return {};
  }
  Status mistake(char const* what) {
    mistakes_.emplace_back(what);
    return {.code = invalid_value};
  }
  [[nodiscard]] void* new_handle() {
    void* const handle = reinterpret_cast<void*>(++last_handle_ * 16);
    handles_[handle] = {};
    return handle;
  }
  Status make(void** handle) {
    if (fails()) return {.code = injected};
    *handle = new_handle();
    return {};
  }
  Status use(void* handle) {
    if (fails()) return {.code = injected};
    return handles_.count(handle) != 0 ? Status{} : mistake("used a handle that is none");
  }
  Status destroy(void* handle) {
    return handles_.erase(handle) != 0 ? Status{} : mistake("destroyed a handle that is none");
  }
  Status destroy_graph(void* graph) {
    run_all();
    return graphs_.erase(graph) != 0 ? destroy(graph) : mistake("destroyed what is no graph");
  }

  [[nodiscard]] bool captures(void* stream) const { return recording_.count(stream) != 0; }
  /// Calls that end a capture, which this does.
  Status outside_of_capture() {
    if (!graph_.has_value()) return {};
    graph_->invalidate();
    return {.code = accrete::cuda::capture_unsupported};
  }
  /// Runs it, now or later, or makes it the next node of what the stream records.
  Status submit(void* stream, std::function<void()> work, void* workspace = nullptr) {
    if (captures(stream)) {
      auto& last = recording_.at(stream);
      last = {graph_->add(std::move(work), last, workspace)};
    } else if (settings_.waits) {
      waiting_.push_back(std::move(work));
    } else {
      work();
    }
    return {};
  }
  void run_all() {
    for (auto const& work : std::exchange(waiting_, {})) work();
  }
  [[nodiscard]] bool owns(void const* pointer, Index bytes) const {
    return !settings_.checks_memory || block_of(memory_, pointer, bytes) != nullptr;
  }
  /// The block of `blocks` in which all of [pointer, pointer + bytes) lies, or null.
  [[nodiscard]] static void* block_of(std::map<void*, Index> const& blocks, void const* pointer,
                                      Index bytes) {
    auto found = blocks.upper_bound(const_cast<void*>(pointer));
    if (found == blocks.begin()) return nullptr;
    --found;
    auto const* const begin = static_cast<char const*>(found->first);
    auto const* const at = static_cast<char const*>(pointer);
    return at + bytes <= begin + found->second ? found->first : nullptr;
  }
  /// op(A) (M,K), op(B) (K,N), D (M,N), all in column-major order.
  [[nodiscard]] bool fits(void* description, void* a, void* b, void* d) {
    for (void* handle : {description, a, b, d})
      if (handles_.count(handle) == 0) return false;
    auto const op = [&](void* matrix, std::size_t transposed) {
      Handle const& layout = handles_[matrix];
      bool const swaps = handles_[description].numbers[transposed] != 0;
      return swaps ? std::pair(layout.columns, layout.rows)
                   : std::pair(layout.rows, layout.columns);
    };
    auto const [m, k] = op(a, 0);
    auto const [other_k, n] = op(b, 1);
    return k == other_k && m == handles_[d].rows && n == handles_[d].columns &&
           handles_[a].type == handles_[b].type;
  }

  [[nodiscard]] static std::uint64_t number_of(Handle const& description, Attribute attribute) {
    auto const found = description.numbers.find(static_cast<std::size_t>(attribute));
    return found == description.numbers.end() ? 0 : found->second;
  }
  /// Whether an epilogue's pointer has been set, to the device's memory: one number of D's type for each row of D, or for
  /// each column.
  [[nodiscard]] bool owns_epilogue(void* description, void* d) {
    auto const pointer = number_of(handles_[description], Attribute::bias_pointer);
    bool const by_row = static_cast<Epilogue>(number_of(handles_[description],
                                                        Attribute::epilogue)) == Epilogue::bias;
    Handle const& layout = handles_[d];
    Index const size = layout.type == NumberType::float64   ? 8
                       : layout.type == NumberType::float32 ? 4
                                                            : 2;
    return pointer != 0 && owns(reinterpret_cast<void const*>(pointer),
                                size * (by_row ? layout.rows : layout.columns));
  }

  template <class In, class Out>
  void multiply(Product const& product) {
    using Real = std::conditional_t<std::is_same_v<In, double>, double, float>;
    bool const a_swaps = number_of(product.description, Attribute::transpose_a) != 0;
    bool const b_swaps = number_of(product.description, Attribute::transpose_b) != 0;
    auto const epilogue =
        static_cast<Epilogue>(number_of(product.description, Attribute::epilogue));
    auto* const bias =
        reinterpret_cast<Out*>(number_of(product.description, Attribute::bias_pointer));
    auto const* const a = static_cast<In const*>(product.a);
    auto const* const b = static_cast<In const*>(product.b);
    Index const lda = product.a_layout.leading_dimension, ldb = product.b_layout.leading_dimension;
    Index const ldd = product.d_layout.leading_dimension;
    Index const inner = a_swaps ? product.a_layout.rows : product.a_layout.columns;
    Real const alpha = static_cast<Real>(product.alpha);
    Real const beta = static_cast<Real>(product.beta);
    auto const b_at = [&](Index k, Index n) {
      return static_cast<double>(b[b_swaps ? n + k * ldb : k + n * ldb]);
    };
    for (Index n = 0; n < product.d_layout.columns; ++n)
      for (Index m = 0; m < product.d_layout.rows; ++m) {
        double sum = 0;
        for (Index k = 0; k < inner; ++k)
          sum += static_cast<double>(a[a_swaps ? k + m * lda : m + k * lda]) * b_at(k, n);
        Real value = alpha * static_cast<Real>(sum);
        if (beta != 0)
          value += beta * static_cast<Real>(static_cast<Out const*>(product.c)[m + n * ldd]);
        if (epilogue == Epilogue::bias) value += static_cast<Real>(bias[m]);
        static_cast<Out*>(product.d)[m + n * ldd] = static_cast<Out>(value);
      }
    for (Index n = 0; epilogue == Epilogue::bias_gradient_b && n < product.d_layout.columns; ++n) {
      double sum = 0;
      for (Index k = 0; k < inner; ++k) sum += b_at(k, n);
      bias[n] = static_cast<Out>(sum);
    }
  }

  Settings settings_;
  std::map<void*, Index> memory_, pinned_;
  std::set<void*> in_flight_;  // pinned memory that a stream may still read
  std::map<void*, Handle> handles_;
  std::vector<std::string> mistakes_;
  std::map<std::string, Index> by_name_;
  std::vector<std::function<void()>> waiting_;
  std::map<void*, FakeGraph> graphs_;            // also as what they were made executable
  std::optional<FakeGraph> graph_;               // that is being recorded
  void* origin_ = nullptr;                       // on this stream
  std::map<void*, FakeGraph::Nodes> recording_;  // the last nodes of each stream that records
  std::map<void*, FakeGraph::Nodes> events_;     // and before each event that was recorded there
  std::pair<std::size_t, std::size_t> last_graph_;
  Index used_ = 0, calls_ = 0, launches_ = 0, runs_ = 0, allocations_ = 0, heuristics_ = 0,
        copies_from_pinned_ = 0, graphs_made_ = 0, graph_launches_ = 0;
  std::uintptr_t last_handle_ = 0;
  std::uint64_t last_algorithm_ = 1;
};

}  // namespace accrete_test
