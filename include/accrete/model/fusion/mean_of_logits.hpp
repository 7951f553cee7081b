/// The published merge: the mean of the experts' logits.
#pragma once

#include <accrete/model/fusion.hpp>

ACCRETE_BEGIN_NAMESPACE

/// logits = sum_e logits_e / E ("Growing Transformers", Bochkov, arXiv 2507.07129). The default.
struct MeanOfLogits {
  using Role = FusionRole;

  template <ComputeBackend B>
  class Layer : public PlainFusion<B> {
   public:
    Layer(MeanOfLogits const&, FusionSizes const& sizes)
        : scale_(1.0 / static_cast<double>(sizes.experts)) {}
    [[nodiscard]] Json describe() const { return Json("mean of logits"); }
    [[nodiscard]] ExpertWeight<B> weight(typename PlainFusion<B>::State const&, Index) const {
      return {.scale = scale_};
    }

   private:
    double scale_;
  };
};

ACCRETE_END_NAMESPACE
