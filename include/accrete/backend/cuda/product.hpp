/// Matrix products on the device, all through cuBLASLt.
#pragma once

#include <array>
#include <compare>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <accrete/backend/cuda/algorithm_choices.hpp>
#include <accrete/backend/cuda/context.hpp>
#include <accrete/backend/cuda/plain_product.hpp>
#include <accrete/backend/cuda/product_call.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// Owns cuBLASLt. Row-major matrices are column-major ones transposed, so it computes out^T = b^T a^T. For each set of
/// sizes, strides, alignments and epilogue it keeps descriptors, layouts and an algorithm. A product that cuBLASLt refuses
/// with an epilogue is asked for without it; what it refuses then, too, is computed by PlainProduct.
class CudaProduct {
 public:
  CudaProduct(std::shared_ptr<Context> context, CudaOptions const& options);

  /// Whether the epilogue was computed, too. Where it was not, it is the caller's to compute.
  template <class T, class Out>
  bool run(ProductCall<T, Out> const& call);

  /// Products that cuBLASLt has no algorithm for, with their epilogue or without any.
  [[nodiscard]] std::vector<std::string> refused() const {
    std::lock_guard const lock(mutex_);
    return refused_;
  }
  /// Says once which products have come to be computed by the plain kernel; empty if there is none.
  [[nodiscard]] std::string take_warning() {
    std::lock_guard const lock(mutex_);
    return std::exchange(warning_, {});
  }
  [[nodiscard]] bool fuses_bias_gradients() const { return options_.fuse_bias_gradients; }
  [[nodiscard]] std::size_t version() const { return version_; }

 private:
  using OwnedLibrary = Owned<&Api::cublas_lt_destroy>;
  using OwnedMatmul = Owned<&Api::cublas_lt_matmul_desc_destroy>;
  using OwnedLayout = Owned<&Api::cublas_lt_matrix_layout_destroy>;
  using OwnedPreference = Owned<&Api::cublas_lt_matmul_preference_destroy>;

  /// All that an algorithm may depend on. a and b are cuBLASLt's: our b and a.
  struct Key {
    Index rows, columns, inner;  // ours
    Index a_stride, b_stride, out_stride;
    bool a_transposed, b_transposed, adds;
    Epilogue epilogue;
    NumberType in, out;
    std::array<int, 4> alignments;  // bytes, of a, b, out, and what the epilogue reads or writes
    auto operator<=>(Key const&) const = default;
  };
  struct Plan {
    OwnedMatmul matmul;
    OwnedLayout a, b, out;
    Algorithm algorithm;
    bool refused = false;
  };
  /// The pointers and factors of one call, in cuBLASLt's order.
  struct Arguments {
    void const *a, *b;
    void* out;
    void const* epilogue;  // what it reads or writes
    void const *alpha, *beta;
  };

  template <class T, class Out>
  [[nodiscard]] static Key key_of(ProductCall<T, Out> const& call);
  [[nodiscard]] static std::string text_of(Key const& key);
  [[nodiscard]] Plan const& plan_of(Key const& key, Arguments const& arguments) {
    auto found = plans_.find(key);
    if (found == plans_.end()) found = plans_.emplace(key, make_plan(key, arguments)).first;
    return found->second;
  }
  [[nodiscard]] Plan make_plan(Key const& key, Arguments const& arguments);
  [[nodiscard]] std::vector<AlgorithmCandidate> candidates(Key const& key, Plan const& plan);
  [[nodiscard]] Algorithm fastest(Key const& key, Plan const& plan, Arguments const& arguments,
                                  std::vector<AlgorithmCandidate> const& candidates);
  void set_epilogue_pointer(Plan const& plan, void const* pointer) {
    ACCRETE_CUDA(
        api(), cublas_lt_matmul_desc_set_attribute(plan.matmul.get(), MatmulAttribute::bias_pointer,
                                                   reinterpret_cast<std::uint64_t>(pointer)));
  }
  void multiply(Key const& key, Plan const& plan, Arguments const& arguments, void* out,
                Algorithm const& algorithm);
  [[nodiscard]] Api& api() const { return context_->api(); }

  /// 32 MiB on Hopper and later, 4 before: what cuBLAS itself takes.
  [[nodiscard]] Index workspace_bytes() const {
    return Index{context_->device().major >= 9 ? 32 : 4} << 20;
  }
  [[nodiscard]] static int alignment_of(void const* pointer) {
    auto const address = reinterpret_cast<std::uintptr_t>(pointer) | 16;  // no load is wider
    return static_cast<int>(address & ~(address - 1));
  }
  [[nodiscard]] static Index size_of(NumberType type) {
    return type == NumberType::float64 ? 8 : type == NumberType::float32 ? 4 : 2;
  }

  std::shared_ptr<Context> context_;
  CudaOptions options_;
  OwnedLibrary library_;
  std::size_t version_ = 0;
  AlgorithmChoices choices_;
  mutable std::mutex mutex_;
  std::map<Key, Plan> plans_;
  std::vector<std::string> refused_;
  std::string warning_;
};

inline CudaProduct::CudaProduct(std::shared_ptr<Context> context, CudaOptions const& options)
    : context_(std::move(context)), options_(options) {
  void* library = nullptr;
  ACCRETE_CUDA(api(), cublas_lt_create(&library));
  library_ = OwnedLibrary(api(), library);
  version_ = api().cublas_lt_get_version();
  static_cast<void>(context_->workspace(workspace_bytes()));
  choices_ = AlgorithmChoices(
      options_.choices, message(context_->device().name, ", driver ", context_->driver_version(),
                                ", cuBLAS ", version_));
}

template <class T, class Out>
auto CudaProduct::key_of(ProductCall<T, Out> const& call) -> Key {
  return {
      .rows = call.rows,
      .columns = call.columns,
      .inner = call.inner,
      .a_stride = call.a.stride,
      .b_stride = call.b.stride,
      .out_stride = call.out_stride,
      .a_transposed = call.a.transposed,
      .b_transposed = call.b.transposed,
      .adds = call.beta != 0,
      .epilogue = call.bias != nullptr       ? Epilogue::bias
                  : call.row_sums != nullptr ? Epilogue::bias_gradient_b  // our a is its B
                                             : Epilogue::none,
      .in = number_type<T>,
      .out = number_type<Out>,
      .alignments = {alignment_of(call.a.data), alignment_of(call.b.data), alignment_of(call.out),
                     alignment_of(call.bias != nullptr ? call.bias : call.row_sums)}};
}

inline std::string CudaProduct::text_of(Key const& key) {
  auto const name = [](NumberType type) {
    return type == NumberType::float64 ? "f64" : type == NumberType::float32 ? "f32" : "bf16";
  };
  return message("(", key.rows, ",", key.inner, key.a_transposed ? ")^T" : ")", " x (", key.inner,
                 ",", key.columns, key.b_transposed ? ")^T" : ")",
                 key.epilogue == Epilogue::bias ? " + bias" : "", key.adds ? " + out" : "",
                 key.epilogue == Epilogue::bias_gradient_b ? " and sums of rows" : "", ", strides ",
                 key.a_stride, " ", key.b_stride, " ", key.out_stride, ", aligned to ",
                 key.alignments[0], " ", key.alignments[1], " ", key.alignments[2], " ",
                 key.alignments[3], ", ", name(key.in), " to ", name(key.out));
}

template <class T, class Out>
bool CudaProduct::run(ProductCall<T, Out> const& call) {
  using Real = Compute<T>;
  if (call.rows == 0 || call.columns == 0) return false;
  Real const alpha = static_cast<Real>(call.alpha), beta = static_cast<Real>(call.beta);
  if (call.inner > 0) {
    std::lock_guard const lock(mutex_);
    Arguments const arguments{
        .a = call.b.data,
        .b = call.a.data,
        .out = call.out,
        .epilogue = call.bias != nullptr ? static_cast<void const*>(call.bias) : call.row_sums,
        .alpha = &alpha,
        .beta = &beta};
    Key key = key_of(call);
    Plan const* plan = &plan_of(key, arguments);
    if (plan->refused && key.epilogue != Epilogue::none) {
      key.epilogue = Epilogue::none;
      key.alignments[3] = alignment_of(nullptr);
      plan = &plan_of(key, arguments);
    }
    if (!plan->refused) {
      bool const has_epilogue = key.epilogue != Epilogue::none;
      if (has_epilogue) set_epilogue_pointer(*plan, arguments.epilogue);
      multiply(key, *plan, arguments, call.out, plan->algorithm);
      return has_epilogue;
    }
  }
  PlainProduct<T, Out> const plain{
      call.a, call.b, call.out, call.out_stride, call.rows, call.columns, call.inner, alpha, beta};
  launch(*context_, "plain_product", blocks_for(call.rows * call.columns, plain.threads), plain);
  return false;
}

inline auto CudaProduct::make_plan(Key const& key, Arguments const& arguments) -> Plan {
  Plan plan;
  bool const is_double = key.in == NumberType::float64;
  ComputeType const compute = is_double       ? ComputeType::float64
                              : options_.tf32 ? ComputeType::tensor_float32
                                              : ComputeType::float32;
  void* made = nullptr;
  ACCRETE_CUDA(api(), cublas_lt_matmul_desc_create(
                          &made, compute, is_double ? NumberType::float64 : NumberType::float32));
  plan.matmul = OwnedMatmul(api(), made);
  auto const set = [&](MatmulAttribute attribute, std::uint64_t value) {
    ACCRETE_CUDA(api(), cublas_lt_matmul_desc_set_attribute(plan.matmul.get(), attribute, value));
  };
  set(MatmulAttribute::transpose_a, key.b_transposed ? 1 : 0);
  set(MatmulAttribute::transpose_b, key.a_transposed ? 1 : 0);
  if (key.epilogue != Epilogue::none) {  // before the heuristic is asked, which reads the pointer
    set(MatmulAttribute::epilogue, static_cast<std::uint64_t>(key.epilogue));
    set_epilogue_pointer(plan, arguments.epilogue);
  }
  auto const layout = [&](NumberType type, Index rows, Index columns, Index stride) {
    ACCRETE_CUDA(api(), cublas_lt_matrix_layout_create(&made, type, rows, columns, stride),
                 text_of(key));
    return OwnedLayout(api(), made);
  };
  // A row-major (R,C) is a column-major (C,R).
  plan.a = key.b_transposed ? layout(key.in, key.inner, key.columns, key.b_stride)
                            : layout(key.in, key.columns, key.inner, key.b_stride);
  plan.b = key.a_transposed ? layout(key.in, key.rows, key.inner, key.a_stride)
                            : layout(key.in, key.inner, key.rows, key.a_stride);
  plan.out = layout(key.out, key.columns, key.rows, key.out_stride);

  std::string const name = text_of(key);
  if (auto const kept = choices_.find(name)) {
    std::size_t bytes = 0;
    auto const status = api().cublas_lt_matmul_algo_check(
        library_.get(), plan.matmul.get(), plan.a.get(), plan.b.get(), plan.out.get(),
        plan.out.get(), *kept, &bytes);
    if (status.ok() && static_cast<Index>(bytes) <= workspace_bytes()) {
      plan.algorithm = *kept;
      return plan;
    }
  }
  auto const found = candidates(key, plan);
  if (found.empty()) {
    plan.refused = true;
    refused_.push_back(name);
    if (key.epilogue == Epilogue::none)
      warning_ += message(warning_.empty() ? "" : "; ", "cuBLASLt refuses ", name,
                          ": a plain kernel computes it, slowly");
    return plan;
  }
  bool const time_them = !options_.deterministic && found.size() > 1;
  plan.algorithm = time_them ? fastest(key, plan, arguments, found) : found.front().algorithm;
  if (time_them || !options_.choices.empty()) choices_.put(name, plan.algorithm);
  return plan;
}

inline void CudaProduct::multiply(Key const& key, Plan const& plan, Arguments const& arguments,
                                  void* out, Algorithm const& algorithm) {
  ACCRETE_CUDA(api(),
               cublas_lt_matmul(library_.get(), plan.matmul.get(), arguments.alpha, arguments.a,
                                plan.a.get(), arguments.b, plan.b.get(), arguments.beta,
                                arguments.out, plan.out.get(), out, plan.out.get(), &algorithm,
                                context_->workspace(workspace_bytes()),
                                static_cast<std::size_t>(workspace_bytes()), context_->stream()),
               text_of(key));
  context_->submitted();
}

ACCRETE_END_CUDA_NAMESPACE

#include <accrete/backend/cuda/product_search.hpp>
