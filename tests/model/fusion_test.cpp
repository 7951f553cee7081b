#include <boost/test/unit_test.hpp>

#include <limits>
#include <numeric>

#include "support/all_close.hpp"
#include "support/fusions.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(fusion)

namespace {

constexpr Index vocabulary = fusion_vocabulary;

/// Other policies in every role, and another head.
template <class Backend>
using Other = Decoder<FrozenGlyphEmbedding,
                      Growable<Stack<DynamicBlock<Backend, RmsNorm, Swiglu, NoPositions>>>,
                      LinearHead<RmsNorm>>;

template <class Backend>
GrowingModel<Backend> first(Backend const& backend = Backend{}) {
  return grown_expert<GrowingModel<Backend>>({1}, narrow_block, 1, backend);
}
template <class Backend>
Other<Backend> second(Backend const& backend = Backend{}) {
  return grown_expert<Other<Backend>>({1, 2}, wide_block, 2, backend);
}

template <class Backend, class Fusion>
auto merged_by(Fusion const& fusion, Backend const& backend = Backend{}) {
  Ensemble<Fusion, GrowingModel<Backend>, Other<Backend>> model(fusion, first(backend),
                                                                second(backend));
  if (!std::is_same_v<Fusion, WeightedMean>) randomize_fusion(model);
  return model;
}

/// Calls f for each fusion.
template <class F>
void for_each_fusion(F&& f) {
  f(WeightedMean{{0.75, -0.5}});
  f(MeanOfProbabilities{});
  f(LogitAdapter{.rank = 3});
  f(LearnedGate{});
}

static_assert(LanguageModel<Ensemble<LearnedGate, CpuModel, Other<Cpu>>>);
static_assert(LanguageModel<Ensemble<MeanOfProbabilities, CpuModel, CpuModel>>);
static_assert(HasTerms<Ensemble<LearnedGate, CpuModel, CpuModel>>, "scales cost nothing");
static_assert(!HasTerms<Ensemble<MeanOfProbabilities, CpuModel, CpuModel>>);

template <class... Parts>
concept can_merge = requires {
  typename Ensemble<Parts...>;
};
using Learned = GrowingModel<Cpu, LearnedEmbedding>;
static_assert(can_merge<SameVocabulary, LearnedGate, Learned, Learned>);
static_assert(can_merge<LearnedGate, SameVocabulary, Learned, Learned>, "in any order");
static_assert(!can_merge<LearnedGate, MeanOfLogits, CpuModel>, "one fusion");
static_assert(!can_merge<LearnedGate>);
static_assert(!can_merge<CpuModel, LearnedGate, CpuModel>, "policies stand first");

}  // namespace

BOOST_AUTO_TEST_CASE(logits_equal_plain_loops_over_the_logits_of_the_experts) {
  auto const tokens = random_tokens(12, vocabulary, 2);
  std::vector<ExpertOutput> const outputs{output_of(first<Double>(), tokens, 2),
                                          output_of(second<Double>(), tokens, 2)};
  for_each_fusion([&](auto const& fusion) {
    auto const model = merged_by<Double>(fusion);
    BOOST_TEST_CONTEXT(model.fusion().describe().dump()) {
      auto const expected = fused(fusion, outputs, fusion_parameters(model));
      BOOST_TEST(all_close(logits_of(model, tokens, 2), expected, 1e-12));
      auto const single = merged_by<Cpu>(fusion);
      BOOST_TEST(all_close(logits_of(single, tokens, 2), expected, 1e-4));
    }
  });
}

BOOST_AUTO_TEST_CASE(gradients_match_finite_differences) {
  for_each_fusion([&](auto const& fusion) {
    auto model = merged_by<Double>(fusion);
    BOOST_TEST_CONTEXT(model.fusion().describe().dump()) {
      auto const check = check_gradients(model, 37);
      BOOST_TEST(all_close(check.gradients, check.differences, 1e-7));
      bool const has_parameters =
          !std::is_same_v<std::remove_cvref_t<decltype(fusion)>, MeanOfProbabilities> &&
          !std::is_same_v<std::remove_cvref_t<decltype(fusion)>, WeightedMean>;
      BOOST_TEST((check.segments.back() == "fusion") == has_parameters);
    }
  });
}

BOOST_AUTO_TEST_CASE(gradients_of_the_fusion_alone_match_finite_differences) {
  auto const check_one = [](auto const& fusion) {
    auto model = merged_by<Double>(fusion);
    model.freeze_experts();
    auto const check = check_gradients(model, 3);
    BOOST_TEST(check.segments == (std::vector<std::string>{"fusion"}),
               boost::test_tools::per_element());
    BOOST_TEST(all_close(check.gradients, check.differences, 1e-8));
  };
  check_one(LogitAdapter{.rank = 3});
  check_one(LearnedGate{});
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  auto const inputs = random_tokens(24, vocabulary, 2), targets = random_tokens(24, vocabulary, 3);
  for_each_fusion([&](auto const& fusion) {
    std::vector<float> expected;
    for (int const threads : {1, 2, 3, 8}) {
      auto model = merged_by<Cpu>(fusion, Cpu(threads));
      using Model = decltype(model);
      typename Model::Session session(model, {.batch = 2, .time = 12, .training = true});
      LossScratch<Cpu> scratch(model.backend(), 24, vocabulary);
      ActiveSet<Cpu> active(model);
      auto const loss = evaluate_loss_and_gradients(model, session, batch_view<Cpu>(inputs, 2),
                                                    batch_view<Cpu>(targets, 2), scratch,
                                                    active.gradients(), 1.0);
      std::vector<float> results = logits_of(model, inputs, 2);
      results.push_back(static_cast<float>(loss.sum));
      for (auto const& part : active.segments())
        results.insert(results.end(), part.gradient.span().begin(), part.gradient.span().end());
      typename Model::Session decoding(model, {.batch = 2, .time = 12, .cache = 12});
      for (Index i = 0; i < 3; ++i) {
        model.decode_step(decoding, {inputs.data() + 8 * i, {2, 4}});
        auto const logits = logits_of(model, decoding);
        results.insert(results.end(), logits.begin(), logits.end());
      }
      if (threads == 1) expected = results;
      BOOST_TEST(same_bits(results, expected), threads << " threads");
    }
  });
}

BOOST_AUTO_TEST_CASE(decoding_equals_forward_and_may_be_rewound) {
  auto const tokens = random_tokens(6, vocabulary);
  for_each_fusion([&](auto const& fusion) {
    auto const model = merged_by<Double>(fusion);
    auto const expected = logits_of(model, tokens, 1);
    typename std::remove_cvref_t<decltype(model)>::Session session(
        model, {.batch = 1, .time = 4, .cache = 6});
    auto const check = [&](Index begin, Index count) {
      model.decode_step(session, {tokens.data() + begin, {1, count}});
      BOOST_TEST(session.position(0) == begin + count);
      auto const logits = logits_of(model, session);
      BOOST_TEST(all_close(
          logits,
          std::span(expected).subspan(static_cast<std::size_t>(begin * vocabulary), logits.size()),
          1e-12));
    };
    check(0, 4);
    check(4, 2);
    session.rewind(0, 3);
    check(3, 3);
  });
}

BOOST_AUTO_TEST_CASE(all_fusions_generate) {
  for_each_fusion([&](auto const& fusion) {
    auto const model = merged_by<Cpu>(fusion);
    GenerateOptions const options{.max_tokens = 9, .stop_at_end = false, .prefill = 2};
    auto const together = generate_tokens(model, {{1, 2, 3}, {4}}, options);
    BOOST_TEST(together[0].size() == 9U);
    BOOST_TEST(generate_tokens(model, {{1, 2, 3}}, options)[0] == together[0],
               boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(all_fusions_begin_as_the_mean) {
  auto const tokens = random_tokens(12, vocabulary, 2);
  auto const mean = logits_of(Ensemble{first<Double>(), second<Double>()}, tokens, 2);
  auto const check = [&](auto const& fusion) {
    Ensemble const model{fusion, first<Double>(), second<Double>()};
    BOOST_TEST(all_close(logits_of(model, tokens, 2), mean, 1e-14));
  };
  check(WeightedMean{});
  check(LogitAdapter{.rank = 2});
  check(LearnedGate{});
  Ensemble const named{MeanOfLogits{}, first<Double>(), second<Double>()};
  BOOST_TEST(same_bits(logits_of(named, tokens, 2), mean));
}

BOOST_AUTO_TEST_CASE(an_ensemble_of_one_is_the_expert) {
  auto const tokens = random_tokens(12, vocabulary, 2);
  auto const alone = output_of(first<Double>(), tokens, 2);
  BOOST_TEST(all_close(logits_of(Ensemble{WeightedMean{}, first<Double>()}, tokens, 2),
                       alone.logits, 1e-14));
  BOOST_TEST(all_close(logits_of(Ensemble{MeanOfProbabilities{}, first<Double>()}, tokens, 2),
                       fused(MeanOfProbabilities{}, {alone}, {}), 1e-12));
  BOOST_CHECK_EXCEPTION((Ensemble{LearnedGate{}, first<Double>()}), ValueError,
                        says("learned gate: expected at least two experts to choose from"));
}

BOOST_AUTO_TEST_CASE(settings_that_cannot_be_meant_are_refused_before_anything_trains) {
  auto const merge = [](auto const& fusion) {
    return Ensemble{fusion, first<Double>(), second<Double>()};
  };
  BOOST_CHECK_EXCEPTION(merge(WeightedMean{{1, 2, 3}}), ValueError,
                        says("weighted mean: expected 2 weights, one for each expert, got 3"));
  BOOST_CHECK_EXCEPTION(merge(WeightedMean{{0.5, -0.5}}), ValueError, says("sum to zero"));
  BOOST_CHECK_EXCEPTION(merge(WeightedMean{{0, 0}}), ValueError, says("sum to zero"));
  BOOST_CHECK_EXCEPTION(
      merge(WeightedMean{{0.5, std::numeric_limits<double>::quiet_NaN()}}), ValueError,
      says("weighted mean: the weight of expert 1 must be a finite number, got nan"));
  BOOST_CHECK_EXCEPTION(merge(WeightedMean{{std::numeric_limits<double>::infinity(), 1}}),
                        ValueError, says("the weight of expert 0"));
  BOOST_CHECK_EXCEPTION(merge(LogitAdapter{.rank = 24}), ShapeError,
                        says("logit adapter: expected a rank of 1 to 23 for 2 experts of width 40 "
                             "together and a vocabulary of 23, got 24"));
  BOOST_CHECK_THROW(merge(LogitAdapter{.rank = 0}), ShapeError);
  auto model = merge(WeightedMean{});
  BOOST_CHECK_THROW(model.fusion().set_weights(std::vector<double>{1, -1}), ValueError);
  BOOST_TEST(model.fusion().weights()[0] == 0.5);
  model.freeze_experts();
  BOOST_CHECK_EXCEPTION((Trainer{model, AdamW{}}), ValueError, says("nothing in the model"));
}

BOOST_AUTO_TEST_CASE(sessions_and_trainers_of_before_a_freeze_are_refused) {
  auto model = merged_by<Double>(LearnedGate{});
  auto const tokens = random_tokens(8, vocabulary);
  decltype(model)::Session session(model, {.batch = 2, .time = 4});
  Trainer trainer{model, AdamW{}, {.steps = 2}};
  model.freeze_experts();
  BOOST_CHECK_EXCEPTION(model.forward(session, batch_view<Double>(tokens, 2)), MismatchError,
                        says("has grown or frozen since"));
  Batches batches = random_batches(vocabulary, 2, 4);
  BOOST_CHECK_EXCEPTION(trainer.step(batches), MismatchError, says("has grown or frozen since"));
}

BOOST_AUTO_TEST_CASE(fusions_train_over_frozen_experts_which_keep_their_bits) {
  auto const check = [](auto const& fusion) {
    Ensemble model{fusion, first<Cpu>(), second<Cpu>()};
    model.freeze_experts();
    auto const experts = [&] {
      std::vector<float> values;
      model.for_each_segment([&](std::string const& prefix, auto const& segment) {
        if (!prefix.empty())
          values.insert(values.end(), segment.values().span().begin(),
                        segment.values().span().end());
      });
      return values;
    };
    auto const before = experts();
    Batches batches(random_tokens(11, vocabulary), {.batch = 2, .time = 5});
    std::vector<double> losses;
    Trainer{
        model,
        AdamW{.learning_rate = 1e-2},
        {.steps = 50, .on_step = [&](StepReport const& report) { losses.push_back(report.loss); }}}
        .fit(batches);
    BOOST_TEST(losses.back() < 0.95 * losses.front());
    BOOST_TEST(same_bits(experts(), before));
  };
  check(LogitAdapter{.rank = 4});
  check(LearnedGate{});
}

BOOST_AUTO_TEST_CASE(checkpoints_hold_the_fusion_and_training_resumes_to_the_bit) {
  auto const check = [](auto const& fusion) {
    ScratchFolder const folder;
    auto const path = folder / "checkpoint.safetensors";
    auto const make = [&] { return Ensemble{fusion, first<Cpu>(Cpu(1)), second<Cpu>(Cpu(1))}; };
    auto const train = [](auto& model, auto& trainer, auto& batches, Index steps) {
      while (trainer.steps_done() < steps) static_cast<void>(trainer.step(batches));
      return parameters_of(model);
    };
    TrainerOptions const options{.steps = 9};
    auto whole = make();
    whole.freeze_experts();
    Batches whole_batches = random_batches(vocabulary, 2, 5);
    Trainer uninterrupted{whole, AdamW{.learning_rate = 1e-2}, options};
    auto const expected = train(whole, uninterrupted, whole_batches, 9);
    {
      auto model = make();
      model.freeze_experts();
      Batches batches = random_batches(vocabulary, 2, 5);
      Trainer trainer{model, AdamW{.learning_rate = 1e-2}, options};
      train(model, trainer, batches, 4);
      CheckpointWriter{model}.with(trainer).with(batches).save(path);
    }
    CheckpointReader const checkpoint(path);
    auto model = make();  // the checkpoint freezes the experts
    checkpoint.restore(model);
    Batches batches = random_batches(vocabulary, 2, 5);
    Trainer trainer{model, AdamW{.learning_rate = 1e-2}, options};
    checkpoint.restore(trainer);
    checkpoint.restore(batches);
    BOOST_TEST(same_bits(train(model, trainer, batches, 9), expected));
  };
  check(LogitAdapter{.rank = 4});
  check(LearnedGate{});

  ScratchFolder const folder;
  auto weighted = merged_by<Cpu>(WeightedMean{{0.75, 0.5}});
  CheckpointWriter{weighted}.save(folder / "weighted.safetensors");
  auto other = merged_by<Cpu>(WeightedMean{});
  CheckpointReader(folder / "weighted.safetensors").restore(other);
  BOOST_TEST(other.fusion().weights() == (std::vector<double>{0.75, 0.5}),
             boost::test_tools::per_element());
  auto gate = merged_by<Cpu>(LearnedGate{});
  BOOST_CHECK_EXCEPTION(CheckpointReader(folder / "weighted.safetensors").restore(gate),
                        MismatchError, says("weighted mean of logits"));
}

BOOST_AUTO_TEST_SUITE_END()
