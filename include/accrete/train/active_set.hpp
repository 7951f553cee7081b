/// The parameters that train, with their gradients and optimizer moments. A model is const data: what training adds to
/// it lives here.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include <accrete/concepts/language_model.hpp>
#include <accrete/nn/segment.hpp>
#include <accrete/ops/adamw.hpp>
#include <accrete/ops/fill_zero.hpp>
#include <accrete/ops/squared_norm.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What a backend must offer to train.
template <class Backend>
concept TrainsParameters = HasAdamW<Backend> && HasSquaredNorm<Backend> && HasFillZero<Backend>;

/// One trainable segment of a model and its three companions of the same length.
template <ComputeBackend Backend>
struct ActiveSegment {
  std::string prefix;  // of the segment's names within the model
  Segment<Backend>* segment = nullptr;
  View<Backend, Master, 1> gradient{}, first_moment{}, second_moment{};
  std::vector<Index>
      steps_before{};  // of each entry: steps that its moments have seen before this training
};

/// A short list of contiguous segments. Gradients and moments start at zero.
template <ComputeBackend Backend>
class ActiveSet {
 public:
  template <Trainable Model>
  explicit ActiveSet(Model& model) {
    model.for_each_segment([&](std::string const& prefix, Segment<Backend>& segment) {
      if (segment.trainable())
        segments_.push_back({.prefix = prefix,
                             .segment = &segment,
                             .steps_before = std::vector<Index>(segment.entries().size())});
    });
    Workspace<Backend> measure;
    plan(measure);
    workspace_ = Workspace<Backend>(model.backend(), measure.bytes());
    plan(workspace_);
    for (auto& active : segments_) add_gradients_of(active);
  }

  [[nodiscard]] Gradients<Backend> const& gradients() const { return gradients_; }
  [[nodiscard]] std::vector<ActiveSegment<Backend>>& segments() { return segments_; }
  [[nodiscard]] std::vector<ActiveSegment<Backend>> const& segments() const { return segments_; }

  [[nodiscard]] Index parameter_count() const {
    Index count = 0;
    for (auto const& active : segments_)
      for (auto const& entry : active.segment->entries()) count += entry.trains ? entry.count : 0;
    return count;
  }

  void zero_gradients(Backend const& backend) {
    for (auto& active : segments_) fill_zero(backend, active.gradient);
  }

  /// sqrt of the sum of squares of all gradients; not finite if any gradient is not.
  [[nodiscard]] double gradient_norm(Backend const& backend) const {
    double sum = 0;
    for (auto const& active : segments_)
      sum += squared_norm(backend, View<Backend, Master const, 1>(active.gradient));
    return std::sqrt(sum);
  }

  /// One AdamW step on every parameter; `numbers.weight_decay` goes to those that decay. `numbers.step` counts from the
  /// beginning of this training; moments that are older correct their bias for all of their steps.
  void step(Backend const& backend, AdamWStep const& numbers) {
    for (auto& active : segments_) {
      runs_.clear();
      for_each_run(active, numbers,
                   [&](SegmentEntry const&, AdamWRun const& run) { runs_.push_back(run); });
      adamw_step(backend, active.segment->values(), active.segment->elements(),
                 View<Backend, Master const, 1>(active.gradient), active.first_moment,
                 active.second_moment, numbers, std::span<AdamWRun const>(runs_));
    }
  }

  /// Rounds what products read as the step of these numbers has; `numbers.rounding_seed` must be there.
  void round_at_random(AdamWStep const& numbers) {
    using E = TypeOf<Backend, Element>;
    for (auto& active : segments_)
      for_each_run(active, numbers, [&](SegmentEntry const& entry, AdamWRun const& run) {
        active.segment->round_elements(entry, [&](Index i, auto value) {
          return rounded_at_random<E>(value, *numbers.rounding_seed, run.stream, i);
        });
      });
  }

 private:
  /// Calls f(entry, run) for every parameter that trains.
  template <class F>
  static void for_each_run(ActiveSegment<Backend>& active, AdamWStep const& numbers, F&& f) {
    for (std::size_t i = 0; i < active.steps_before.size(); ++i) {
      SegmentEntry const& entry = active.segment->entries()[i];
      if (!entry.trains) continue;
      AdamWRun run{.begin = entry.offset,
                   .end = entry.offset + entry.count,
                   .weight_decay = entry.decays ? numbers.weight_decay : 0,
                   .step = numbers.step + active.steps_before[i]};
      if (numbers.rounding_seed)
        run.stream = hash_of_name(message(active.prefix, entry.name, " after step ", run.step));
      f(entry, run);
    }
  }
  /// A frozen parameter within the segment has no gradient.
  void add_gradients_of(ActiveSegment<Backend> const& active) {
    auto const& entries = active.segment->entries();
    if (std::all_of(entries.begin(), entries.end(), [](auto const& entry) { return entry.trains; }))
      return gradients_.add_run(active.segment->elements(), active.gradient);
    for (auto const& entry : entries)
      if (entry.trains)
        gradients_.add_run(
            active.segment->elements().slice(entry.offset, entry.offset + entry.count),
            active.gradient.slice(entry.offset, entry.offset + entry.count));
  }
  void plan(Workspace<Backend>& workspace) {
    for (auto& active : segments_) {
      Index const count = active.segment->values().count();
      active.gradient = workspace.template tensor<Master>(count);
      active.first_moment = workspace.template tensor<Master>(count);
      active.second_moment = workspace.template tensor<Master>(count);
    }
  }

  std::vector<ActiveSegment<Backend>> segments_;
  Workspace<Backend> workspace_;
  Gradients<Backend> gradients_;
  std::vector<AdamWRun> runs_;  // of one segment
};

ACCRETE_END_NAMESPACE
