/// What a backend is: a cheap shared handle that names its number types and its memory. Each
/// operation adds a small concept of its own (`HasRmsNorm`, ...), declared beside the operation in
/// ops/.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>

#include <accrete/core/tensor_view.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Roles of numbers. In a `View<Backend, Role, Rank>` they stand for the backend's type of that
/// name.
struct Element;      ///< activations and the operands of products
struct Master;       ///< what the optimizer owns
struct Statistic;    ///< means, reciprocal deviations, losses
struct Accumulator;  ///< sums inside a product

template <class Backend>
concept NamesItsTypes = requires {
  typename Backend::Element;
  typename Backend::Master;
  typename Backend::Statistic;
  typename Backend::Accumulator;
  typename Backend::Space;
};

/// A backend hands out zeroed memory, shared by its handles.
template <class Backend>
concept OwnsMemory = requires(Backend const& backend, Index bytes) {
  { backend.allocate(bytes) } -> std::same_as<std::shared_ptr<std::byte[]>>;
};

/// A backend says in words what computes: it stands in every log and checkpoint.
template <class Backend>
concept DescribesItself = requires(Backend const& backend) {
  { backend.description() } -> std::convertible_to<std::string>;
};

/// Where a backend's memory is not the host's, it copies bytes there and back. `from` may change as soon as
/// `copy_to_device` returns; `copy_to_host` waits for all that was computed before.
template <class Backend>
concept ReachesItsMemory = std::same_as<typename Backend::Space, HostSpace> ||
    requires(Backend const& backend, void* to, void const* from, Index bytes) {
  backend.copy_to_device(to, from, bytes);
  backend.copy_to_host(to, from, bytes);
};

template <class Backend>
concept ComputeBackend = std::copyable<Backend> && NamesItsTypes<Backend> && OwnsMemory<Backend> &&
    ReachesItsMemory<Backend> && DescribesItself<Backend>;

namespace detail {
template <class Backend, class Role>
struct TypeOfRole {
  using type = Role;  // TokenId and other plain types stand for themselves
};
template <class Backend>
struct TypeOfRole<Backend, Element> {
  using type = typename Backend::Element;
};
template <class Backend>
struct TypeOfRole<Backend, Master> {
  using type = typename Backend::Master;
};
template <class Backend>
struct TypeOfRole<Backend, Statistic> {
  using type = typename Backend::Statistic;
};
template <class Backend>
struct TypeOfRole<Backend, Accumulator> {
  using type = typename Backend::Accumulator;
};
template <class Backend, class Role>
struct TypeOfRole<Backend, Role const> {
  using type = typename TypeOfRole<Backend, Role>::type const;
};
}  // namespace detail

/// The backend's type for a role: `TypeOf<CpuBackend, Element const>` is `float const`.
template <class Backend, class Role>
using TypeOf = typename detail::TypeOfRole<Backend, Role>::type;

/// A tensor in the backend's memory: `View<Backend, Element const, 3>`.
template <class Backend, class Role, int Rank>
using View = TensorView<TypeOf<Backend, Role>, Rank, typename Backend::Space>;

/// Backends that have memory of the host from and to which they copy by themselves, while the host goes on. A copy to the
/// device reads it until something waits for the device: it must not change while it may be read. `copy_to_pinned` is
/// `copy_to_host` without the wait, which `synchronize` is. Where there is no more of this memory, it is ordinary memory.
template <class Backend>
concept PinsHostMemory = requires(Backend const& backend, void* to, void const* from, Index bytes) {
  { backend.allocate_pinned(bytes) } -> std::same_as<std::shared_ptr<std::byte[]>>;
  backend.copy_to_pinned(to, from, bytes);
  backend.synchronize();
};

/// Backends that record work once and repeat it with one call. `record(work)` calls work(), which must only submit to the
/// backend: nothing of it runs. `replay` runs what was recorded, on the memory that it was recorded with. A recording is
/// false where the backend does not record; then work() has to be called itself.
template <class Backend>
concept RecordsWork = PinsHostMemory<Backend> &&
    requires(Backend const& backend, typename Backend::Recording const& recording, void (*work)()) {
  { backend.record(work) } -> std::same_as<typename Backend::Recording>;
  {static_cast<bool>(recording)};
  backend.replay(recording);
};

/// Backends that can do without an order between parts of their work: what f(0), ..., f(count - 1) submit, each in its own
/// order, after all before and before all after.
template <class Backend>
concept RunsSideBySide = requires(Backend const& backend, Index count, void (*f)(Index)) {
  backend.side_by_side(count, f);
};

/// Backends that say, once for each, what they compute in a slower way than they are made for; empty while all is well.
template <class Backend>
concept WarnsOfSlowness = requires(Backend const& backend) {
  { backend.take_warning() } -> std::same_as<std::string>;
};

/// Backends whose memory the CPU reads and writes.
template <class Backend>
concept HostBackend = ComputeBackend<Backend> && std::same_as<typename Backend::Space, HostSpace>;

ACCRETE_END_NAMESPACE
