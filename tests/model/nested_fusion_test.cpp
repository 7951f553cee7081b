#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/extended_substrate.hpp"
#include "support/fusions.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(nested_fusion)

namespace {

DoubleModel expert(std::uint64_t seed) {
  return grown_expert<DoubleModel>({1}, seed == 2 ? wide_block : narrow_block, seed);
}

std::string outer_name(auto const& model) {
  return model.describe().at("fusion").dump();
}
std::string inner_name(auto const& model) {
  return model.describe().at("experts").at(0).at("fusion").dump();
}

/// An ensemble of two as one expert of another: logits against plain loops over those of the inner one, and gradients of
/// all three parts.
template <class Outer, class Inner>
void check_nested(Outer const& outer, Inner const& inner) {
  auto const make_inner = [&] {
    Ensemble<Inner, DoubleModel, DoubleModel> model(inner, expert(1), expert(2));
    if (!std::is_same_v<Inner, WeightedMean>) randomize_fusion(model);
    return model;
  };
  Ensemble<Outer, Ensemble<Inner, DoubleModel, DoubleModel>, DoubleModel> model(outer, make_inner(),
                                                                                expert(3));
  randomize_fusion(model, 0.2);
  BOOST_TEST_CONTEXT(outer_name(model) << " over " << inner_name(model)) {
    auto const tokens = random_tokens(12, fusion_vocabulary, 2);
    if constexpr (!std::is_same_v<Outer, LearnedGate>) {
      std::vector<ExpertOutput> const outputs{output_of(make_inner(), tokens, 2),
                                              output_of(expert(3), tokens, 2)};
      BOOST_TEST(all_close(logits_of(model, tokens, 2),
                           fused(outer, outputs, fusion_parameters(model)), 1e-11));
    }
    auto const check = check_gradients(model, 61, 6);
    BOOST_TEST(all_close(check.gradients, check.differences, 1e-7));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(sums_of_terms_stay_sums_of_terms) {
  using Inner = Ensemble<LearnedGate, DoubleModel, DoubleModel>;
  static_assert(HasTerms<Ensemble<Inner, DoubleModel>>);
  static_assert(HasTerms<Ensemble<LearnedGate, Ensemble<DoubleModel, DoubleModel>, DoubleModel>>);
  static_assert(Ensemble<Inner, DoubleModel>::term_count == 3);
  check_nested(MeanOfLogits{}, LearnedGate{});
  check_nested(LearnedGate{}, WeightedMean{{0.75, 0.5}});
}

BOOST_AUTO_TEST_CASE(a_gate_over_a_gate) {
  check_nested(LearnedGate{}, LearnedGate{});
}

BOOST_AUTO_TEST_CASE(logits_of_mixtures_are_averaged_and_gated) {
  check_nested(MeanOfLogits{}, MeanOfProbabilities{});
  check_nested(LearnedGate{}, MeanOfProbabilities{});
}

BOOST_AUTO_TEST_CASE(mixtures_of_what_others_fuse) {
  check_nested(MeanOfProbabilities{}, LogitAdapter{.rank = 2});
  check_nested(MeanOfProbabilities{}, LearnedGate{});
}

BOOST_AUTO_TEST_CASE(adapters_of_what_others_fuse) {
  check_nested(LogitAdapter{.rank = 2}, MeanOfProbabilities{});
}

BOOST_AUTO_TEST_CASE(an_ensemble_that_fuses_logits_does_not_leave_tokens_away) {
  Substrate const parent = random_substrate(fusion_vocabulary, 8), child = extended(parent, 4);
  auto const on = [](Substrate const& substrate) {
    DoubleModel model{Double{}, substrate, {.block = narrow_block}};
    model.body().grow(1);
    return model;
  };
  using Inner = Ensemble<MeanOfProbabilities, DoubleModel, DoubleModel>;
  BOOST_CHECK_EXCEPTION(
      (Ensemble<Inner, DoubleModel>(Inner(MeanOfProbabilities{}, on(child), on(child)),
                                    on(parent))),
      MismatchError,
      says("ensemble: expert 0 is an ensemble that fuses the logits of 27 tokens together and "
           "cannot leave all but 23 away"));
  // The other way round, its experts leave them away themselves.
  Ensemble<Inner, DoubleModel> const merged(Inner(MeanOfProbabilities{}, on(child), on(parent)),
                                            on(child));
  BOOST_TEST(logits_of(merged, random_tokens(6, fusion_vocabulary), 1).size() ==
             6U * fusion_vocabulary);
}

BOOST_AUTO_TEST_SUITE_END()
