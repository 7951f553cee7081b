/// A contiguous run of parameters that train or freeze together: the new blocks of one growth stage, a head, a learned
/// embedding. Freezing, the optimizer, clipping and checkpoints walk the list of segments.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/random.hpp>
#include <accrete/memory/transfer.hpp>
#include <accrete/nn/module.hpp>

ACCRETE_BEGIN_NAMESPACE

/// One parameter's place in a segment.
struct SegmentEntry {
  std::string name;  // full: "blocks.3.attention.qkv.weight"
  std::vector<Index> shape;
  Index offset = 0;
  Index count = 0;
  bool decays = false;
  bool trains = true;  // while its segment does
  Initial initial;
};

/// Owns the parameters of the modules that were bound to it. Its memory never moves, so that views of it stay valid
/// when the segment itself is moved.
template <ComputeBackend Backend>
class Segment {
 public:
  using T = TypeOf<Backend, Master>;
  using E = TypeOf<Backend, Element>;

  Segment(Backend backend, std::string name)
      : backend_(std::move(backend)), name_(std::move(name)) {}

  /// Takes the parameters of a module, called "prefix.…". All modules first, then one `allocate`.
  template <class M>
  void add(M& module, std::string const& prefix) {
    for_each_parameter(module, prefix, [&](std::string const& full_name, auto& parameter) {
      SegmentEntry entry{.name = full_name,
                         .shape = {parameter.sizes().begin(), parameter.sizes().end()},
                         .offset = count_,
                         .count = parameter.count(),
                         .decays = parameter.decays(),
                         .initial = parameter.initial()};
      count_ += (entry.count + padding - 1) / padding * padding;
      entries_.push_back(std::move(entry));
    });
  }

  /// Allocates zeroed memory for everything that was added.
  void allocate() {
    memory_ = backend_.allocate(count_ * static_cast<Index>(sizeof(T)));
    rounded_ = one_type ? memory_ : backend_.allocate(count_ * static_cast<Index>(sizeof(E)));
  }

  /// Points the parameters of a module that was added as `prefix` at their memory.
  template <class M>
  void bind(M& module, std::string const& prefix) {
    for_each_parameter(module, prefix, [&](std::string const& full_name, auto& parameter) {
      parameter.bind(elements().data() + at(full_name).offset);
    });
  }

  /// Draws initial values: each parameter from the stream of its own name, so that values depend on the seed and the
  /// name alone. `planned_depth` is L in the scale 1 / sqrt(2 L) of residual outputs.
  void initialize(Random random, Index planned_depth);

  /// Lets f(span) write the values of one parameter, all of them, in host memory.
  template <class F>
  void fill(SegmentEntry const& entry, F&& f);

  /// Makes the copy that products read anew: element i of the parameter becomes round(i, value). Does nothing where
  /// products read the values themselves.
  template <class F>
  void round_elements(SegmentEntry const& entry, F&& round);

  [[nodiscard]] Backend const& backend() const { return backend_; }
  [[nodiscard]] std::string const& name() const { return name_; }
  [[nodiscard]] std::vector<SegmentEntry> const& entries() const { return entries_; }
  [[nodiscard]] SegmentEntry const& at(std::string const& full_name) const;
  /// Whether any of its parameters trains.
  [[nodiscard]] bool trainable() const {
    return trainable_ && std::any_of(entries_.begin(), entries_.end(),
                                     [](auto const& entry) { return entry.trains; });
  }
  void set_trainable(bool trainable) { trainable_ = trainable; }
  /// The parameters whose names begin with `prefix` train, or not, while the segment does: "head.norm.".
  void set_trainable(std::string_view prefix, bool trainable) {
    for (auto& entry : entries_)
      if (entry.name.starts_with(prefix)) entry.trains = trainable;
  }

  /// Trains, as a whole and in its parameters, what a segment of the same parameters trains.
  void train_as(Segment const& other) {
    trainable_ = other.trainable_;
    for (auto& entry : entries_) entry.trains = other.at(entry.name).trains;
  }

  /// How often `fill` has changed a value: what was computed from values is old if this has grown.
  [[nodiscard]] Index fills() const { return fills_; }

  /// All values, with the padding between parameters (zero, and kept zero).
  [[nodiscard]] View<Backend, Master, 1> values() { return {data(), {count_}}; }
  [[nodiscard]] View<Backend, Master const, 1> values() const { return {data(), {count_}}; }
  /// What products read: the values themselves, or where Element is not Master their rounded copy.
  [[nodiscard]] View<Backend, Element, 1> elements() const {
    return {reinterpret_cast<E*>(rounded_.get()), {count_}};
  }
  /// The number of parameters, without padding.
  [[nodiscard]] Index parameter_count() const {
    Index sum = 0;
    for (auto const& entry : entries_) sum += entry.count;
    return sum;
  }

 private:
  static constexpr Index padding = 16;  // values; keeps every parameter on a boundary of 16 of them
  static constexpr bool one_type = std::is_same_v<T, E>;
  [[nodiscard]] T* data() const { return reinterpret_cast<T*>(memory_.get()); }

  Backend backend_;
  std::string name_;
  std::vector<SegmentEntry> entries_;
  Index count_ = 0, fills_ = 0;
  std::shared_ptr<std::byte[]> memory_, rounded_;
  bool trainable_ = true;
};

template <ComputeBackend Backend>
SegmentEntry const& Segment<Backend>::at(std::string const& full_name) const {
  auto const found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](auto const& entry) { return entry.name == full_name; });
  if (found == entries_.end())
    throw ValueError(message("segment ", name_, ": no parameter is called ", full_name));
  return *found;
}

template <ComputeBackend Backend>
void Segment<Backend>::initialize(Random random, Index planned_depth) {
  for (auto const& entry : entries_) {
    double deviation = entry.initial.deviation;
    switch (entry.initial.kind) {
      case Initial::Kind::zeros:
        fill(entry, [](std::span<T> values) { std::fill(values.begin(), values.end(), T{0}); });
        continue;
      case Initial::Kind::ones:
        fill(entry, [](std::span<T> values) { std::fill(values.begin(), values.end(), T{1}); });
        continue;
      case Initial::Kind::residual_output:
        deviation /= std::sqrt(2.0 * static_cast<double>(std::max<Index>(planned_depth, 1)));
        break;
      case Initial::Kind::normal:
        break;
    }
    auto const stream = random.stream(entry.name);
    fill(entry, [&](std::span<T> values) {
      for (std::size_t i = 0; i < values.size(); i += 4) {
        auto const four = stream.normals(i / 4);
        for (std::size_t j = i; j < std::min(i + 4, values.size()); ++j)
          values[j] = static_cast<T>(deviation * four[j - i]);
      }
    });
  }
}

template <ComputeBackend Backend>
template <class F>
void Segment<Backend>::fill(SegmentEntry const& entry, F&& f) {
  Index const end = entry.offset + entry.count;
  ++fills_;
  fill_from_host(backend_, values().slice(entry.offset, end), [&](std::span<T> numbers) {
    f(numbers);
    if constexpr (!one_type)
      fill_from_host(backend_, elements().slice(entry.offset, end), [&](std::span<E> rounded) {
        std::transform(numbers.begin(), numbers.end(), rounded.begin(),
                       [](T number) { return static_cast<E>(number); });
      });
  });
}

template <ComputeBackend Backend>
template <class F>
void Segment<Backend>::round_elements(SegmentEntry const& entry, F&& round) {
  if constexpr (!one_type) {
    Index const end = entry.offset + entry.count;
    auto const numbers = host_copy(backend_, values().slice(entry.offset, end));
    fill_from_host(backend_, elements().slice(entry.offset, end), [&](std::span<E> rounded) {
      for (std::size_t i = 0; i < rounded.size(); ++i)
        rounded[i] = round(static_cast<Index>(i), numbers[i]);
    });
  }
}

/// The values of which `elements`, a part of one of the segments, are what products read; where Element is Master, these
/// themselves. Throws ValueError where no segment holds them.
template <ComputeBackend Backend, int Rank>
[[nodiscard]] View<Backend, Master, Rank> masters_of(std::span<Segment<Backend>> segments,
                                                     View<Backend, Element const, Rank> elements) {
  std::less<> const before;
  for (Segment<Backend>& segment : segments) {
    auto const all = segment.elements();
    if (before(elements.data(), all.data()) || !before(elements.data(), all.data() + all.count()))
      continue;
    return {segment.values().data() + (elements.data() - all.data()), elements.sizes()};
  }
  throw ValueError("masters_of: these elements are of no segment");
}

/// Copies values from parameters of one segment to those of the same name in another. Of parameters that differ in their
/// number of rows (axis 0), as those with a row per token do, the rows that both have are copied.
///
/// Throws ShapeError, before anything is copied, where names or the other axes differ.
template <ComputeBackend Backend>
void copy_common_rows(Segment<Backend> const& from, Segment<Backend>& to) {
  auto const same_rows = [](SegmentEntry const& a, SegmentEntry const& b) {
    return a.name == b.name && a.shape.size() == b.shape.size() &&
           std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1);
  };
  if (!std::equal(from.entries().begin(), from.entries().end(), to.entries().begin(),
                  to.entries().end(), same_rows))
    throw ShapeError(message("copy_common_rows: the parameters of segment ", from.name(),
                             " have other names or widths in the segment that receives them"));
  for (std::size_t i = 0; i < from.entries().size(); ++i) {
    SegmentEntry const& source = from.entries()[i];
    SegmentEntry const& target = to.entries()[i];
    auto const run = [](auto const& segment, SegmentEntry const& entry) {
      return host_copy(segment.backend(),
                       segment.values().slice(entry.offset, entry.offset + entry.count));
    };
    auto const old = run(from, source), kept = run(to, target);
    std::vector joined(kept.begin(), kept.end());
    std::copy_n(old.begin(), std::min(source.count, target.count), joined.begin());
    to.fill(target, [&](auto values) { std::copy(joined.begin(), joined.end(), values.begin()); });
  }
}

ACCRETE_END_NAMESPACE
