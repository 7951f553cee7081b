/// One block of memory for everything that a session needs. Planning runs twice: once to measure,
/// once to hand out.
#pragma once

#include <memory>
#include <utility>

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Hands out tensors one after the other, each on a 64-byte boundary. While measuring it only
/// counts bytes and its tensors are empty.
template <ComputeBackend Backend>
class Workspace {
 public:
  /// A workspace that measures.
  Workspace() = default;

  /// A workspace of `bytes` bytes, zeroed.
  Workspace(Backend const& backend, Index bytes)
      : memory_(backend.allocate(bytes)), capacity_(bytes) {}

  /// A tensor of the given sizes: `workspace.template tensor<Element>(batch, time, channels)`.
  template <class Role, class... Sizes>
  [[nodiscard]] View<Backend, Role, static_cast<int>(sizeof...(Sizes))> tensor(Sizes... sizes) {
    using T = TypeOf<Backend, Role>;
    Index bytes = static_cast<Index>(sizeof(T));
    ((bytes = checked_product(bytes, static_cast<Index>(sizes))), ...);
    Index const begin = used_;
    used_ += (bytes + alignment - 1) / alignment * alignment;
    if (memory_ == nullptr) return {nullptr, {static_cast<Index>(sizes)...}};
    ACCRETE_ASSERT(used_ <= capacity_);
    return {reinterpret_cast<T*>(memory_.get() + begin), {static_cast<Index>(sizes)...}};
  }

  /// Hands the same memory out anew.
  void reuse() { used_ = 0; }

  [[nodiscard]] Index bytes() const { return used_; }
  [[nodiscard]] Index capacity() const { return capacity_; }

 private:
  static constexpr Index alignment = 64;

  static Index checked_product(Index a, Index b) {
    Index product = 0;
    if (b < 0 || __builtin_mul_overflow(a, b, &product))
      throw ShapeError(message("workspace: a tensor of ", a, " * ", b, " bytes cannot be planned"));
    return product;
  }

  std::shared_ptr<std::byte[]> memory_;
  Index capacity_ = 0;
  Index used_ = 0;
};

/// What `plan(workspace)` returns, on memory of its own: measures, allocates once, hands out.
template <ComputeBackend Backend, class Plan>
[[nodiscard]] auto plan_on(Backend const& backend, Plan&& plan) {
  Workspace<Backend> measure;
  static_cast<void>(plan(measure));
  Workspace<Backend> workspace(backend, measure.bytes());
  auto parts = plan(workspace);
  return std::pair{std::move(workspace), std::move(parts)};
}

ACCRETE_END_NAMESPACE
