/// Where the gradients of the active parameters go. A model is const while it trains: gradients belong to the trainer.
#pragma once

#include <functional>
#include <vector>

#include <accrete/nn/parameter.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A short list of pairs (run of parameters, run of gradients of the same length). A parameter outside of every run is
/// frozen and has no gradient.
template <ComputeBackend Backend>
class Gradients {
 public:
  void add_run(View<Backend, Element const, 1> parameters, View<Backend, Master, 1> gradients) {
    check_sizes("Gradients::add_run", "gradients", gradients, parameters.sizes());
    runs_.push_back({parameters, gradients});
  }

  /// The gradient of `parameter`, with its sizes; empty where the parameter is frozen.
  template <int Rank>
  [[nodiscard]] View<Backend, Master, Rank> of(Parameter<Backend, Rank> const& parameter) const {
    auto const* const begin = parameter.view().data();
    for (auto const& run : runs_) {
      auto const* const first = run.parameters.data();
      if (!std::less<>{}(begin, first) && std::less<>{}(begin, first + run.parameters.count()))
        return {run.gradients.data() + (begin - first), parameter.sizes()};
    }
    return {nullptr, parameter.sizes()};
  }

  /// Whether any of a row of parameters, such as a segment's, has gradients here.
  [[nodiscard]] bool reach(View<Backend, Element const, 1> parameters) const {
    auto const* const begin = parameters.data();
    for (auto const& run : runs_) {
      auto const* const first = run.parameters.data();
      if (std::less<>{}(begin, first + run.parameters.count()) &&
          std::less<>{}(first, begin + parameters.count()))
        return true;
    }
    return false;
  }

 private:
  struct Run {
    View<Backend, Element const, 1> parameters;
    View<Backend, Master, 1> gradients;
  };
  std::vector<Run> runs_;
};

ACCRETE_END_NAMESPACE
