/// A trainable tensor of a module: its sizes, how it starts, and a view of memory that a segment owns.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// How a parameter starts. The defaults are those of GPT-2: normal with deviation 0.02, and outputs into the residual
/// stream scaled by 1 / sqrt(2 L), with L the planned depth.
struct Initial {
  enum class Kind { zeros, ones, normal, residual_output };
  Kind kind = Kind::zeros;
  double deviation = 0.0;

  [[nodiscard]] static constexpr Initial zeros() { return {Kind::zeros, 0.0}; }
  [[nodiscard]] static constexpr Initial ones() { return {Kind::ones, 0.0}; }
  [[nodiscard]] static constexpr Initial normal(double deviation = 0.02) {
    return {Kind::normal, deviation};
  }
  [[nodiscard]] static constexpr Initial residual_output(double deviation = 0.02) {
    return {Kind::residual_output, deviation};
  }
};

/// A parameter knows its sizes from construction and its memory once a segment has bound it. Matrices decay, vectors do
/// not, unless told otherwise.
template <ComputeBackend BackendType, int Rank>
class Parameter {
 public:
  using Backend = BackendType;
  using Sizes = typename View<Backend, Element, Rank>::Sizes;

  Parameter(Sizes sizes, Initial initial, bool decays = Rank >= 2)
      : view_(nullptr, sizes), initial_(initial), decays_(decays) {}

  [[nodiscard]] Sizes const& sizes() const { return view_.sizes(); }
  [[nodiscard]] Index count() const { return view_.count(); }
  [[nodiscard]] Initial initial() const { return initial_; }
  [[nodiscard]] bool decays() const { return decays_; }

  /// What products read. Empty until bound.
  [[nodiscard]] View<Backend, Element const, Rank> view() const { return view_; }
  operator View<Backend, Element const, Rank>() const { return view_; }

  /// For what changes weights outside of training, such as merging adapters.
  [[nodiscard]] View<Backend, Element, Rank> values() { return view_; }

  void bind(TypeOf<Backend, Element>* memory) { view_ = {memory, view_.sizes()}; }

 private:
  View<Backend, Element, Rank> view_;
  Initial initial_;
  bool decays_;
};

template <class T>
inline constexpr bool is_parameter = false;
template <class Backend, int Rank>
inline constexpr bool is_parameter<Parameter<Backend, Rank>> = true;

ACCRETE_END_NAMESPACE
