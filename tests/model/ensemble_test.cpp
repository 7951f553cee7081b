#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/finite_differences.hpp"
#include "support/models.hpp"
#include "support/tensors.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(ensemble)

namespace {

constexpr Index vocabulary = 23;
constexpr BlockConfig narrow{.model_dim = 16, .head_count = 2, .hidden_dim = 24};
constexpr BlockConfig wide{.model_dim = 24, .head_count = 3, .hidden_dim = 16};

template <class Backend>
using Plain = GrowingModel<Backend>;
/// Other policies in every role, and another head.
template <class Backend>
using Other = Decoder<FrozenGlyphEmbedding,
                      Growable<Stack<DynamicBlock<Backend, RmsNorm, Swiglu, NoPositions>>>,
                      LinearHead<RmsNorm>>;
template <class Backend>
using Learned = GrowingModel<Backend, LearnedEmbedding>;
template <class Backend>
using Binary = GrowingModel<Backend, BinaryIdEmbedding>;

// What cannot be merged does not compile.
template <class... Experts>
concept can_merge = requires {
  typename Ensemble<Experts...>;
};
static_assert(can_merge<Plain<Double>>);
static_assert(can_merge<Plain<Double>, Other<Double>, Plain<Double>>);
static_assert(can_merge<Binary<Double>, Binary<Double>>);
static_assert(can_merge<Ensemble<Plain<Double>, Other<Double>>, Plain<Double>>);
static_assert(!can_merge<>);
static_assert(!can_merge<Learned<Double>, Learned<Double>>, "learned embeddings drift apart");
static_assert(!can_merge<Learned<Double>>);
static_assert(!can_merge<Plain<Double>, Learned<Double>>);
static_assert(!can_merge<Plain<Double>, Binary<Double>>, "another embedding is another code");
static_assert(!can_merge<Plain<Double>, Plain<Cpu>>, "one backend computes");
static_assert(!can_merge<Plain<Double>, int>);
static_assert(!CanDock<Plain<Double>, Binary<Double>> && CanDock<Plain<Double>, Other<Double>>);
static_assert(LanguageModel<Ensemble<Plain<Cpu>, Other<Cpu>>>);
static_assert(LanguageModel<Ensemble<Ensemble<Plain<Cpu>, Plain<Cpu>>, Other<Cpu>>>);

template <class Model>
Model make(Index depth, BlockConfig const& block, std::uint64_t seed,
           std::uint64_t substrate_seed = 1) {
  Model model{typename Model::Backend{},
              random_substrate(vocabulary, 8, substrate_seed),
              {.seed = seed, .planned_depth = 3, .block = block}};
  model.body().grow(depth);
  model.for_each_segment([](std::string const&, auto& segment) {
    for (auto& value : segment.values().span()) value *= 5;
  });
  return model;
}
template <class Backend>
Plain<Backend> first_expert() {
  return make<Plain<Backend>>(1, narrow, 1);
}
template <class Backend>
Other<Backend> second_expert() {
  return make<Other<Backend>>(2, wide, 2);
}
template <class Backend>
Plain<Backend> third_expert() {
  return make<Plain<Backend>>(3, wide, 3);
}

std::vector<double> mean(std::vector<std::vector<double>> const& parts,
                         std::vector<double> const& weights) {
  std::vector<double> result(parts[0].size());
  for (std::size_t e = 0; e < parts.size(); ++e)
    for (std::size_t i = 0; i < result.size(); ++i) result[i] += weights[e] * parts[e][i];
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(logits_are_the_mean_of_experts_that_differ_in_all_but_the_substrate) {
  auto const tokens = random_tokens(12, vocabulary, 2);
  std::vector<std::vector<double>> const parts{logits_of(first_expert<Double>(), tokens, 2),
                                               logits_of(second_expert<Double>(), tokens, 2),
                                               logits_of(third_expert<Double>(), tokens, 2)};
  Ensemble const merged{first_expert<Double>(), second_expert<Double>(), third_expert<Double>()};
  BOOST_TEST(
      all_close(logits_of(merged, tokens, 2), mean(parts, {1.0 / 3, 1.0 / 3, 1.0 / 3}), 1e-12));
  static_assert(decltype(merged)::term_count == 3);
}

BOOST_AUTO_TEST_CASE(ensemble_of_one_is_the_expert) {
  auto const tokens = random_tokens(12, vocabulary, 2);
  Ensemble const merged{first_expert<Cpu>()};
  BOOST_TEST(same_bits(logits_of(merged, tokens, 2), logits_of(first_expert<Cpu>(), tokens, 2)));
}

BOOST_AUTO_TEST_CASE(nesting_multiplies_the_scales) {
  auto const tokens = random_tokens(12, vocabulary, 2);
  std::vector<std::vector<double>> const parts{logits_of(first_expert<Double>(), tokens, 2),
                                               logits_of(second_expert<Double>(), tokens, 2),
                                               logits_of(third_expert<Double>(), tokens, 2)};
  Ensemble inner{first_expert<Double>(), second_expert<Double>()};
  using Inner = decltype(inner);
  Ensemble<Inner, Plain<Double>> const merged(std::move(inner), third_expert<Double>());
  BOOST_TEST(all_close(logits_of(merged, tokens, 2), mean(parts, {0.25, 0.25, 0.5}), 1e-12));

  auto const ids = batch_view<Double>(tokens, 2);
  Ensemble<Inner, Plain<Double>>::Session session(merged, {.batch = 2, .time = 6});
  merged.forward(session, ids);
  std::vector<double> scales;
  for (auto const& term : merged.classifier(session)) scales.push_back(term.scale);
  BOOST_TEST(scales == (std::vector<double>{0.25, 0.25, 0.5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(float_experts_average_on_the_cpu_backend_too) {
  auto const tokens = random_tokens(12, vocabulary, 2);
  Ensemble const exact{first_expert<Double>(), second_expert<Double>()};
  Ensemble const merged{first_expert<Cpu>(), second_expert<Cpu>()};
  BOOST_TEST(all_close(logits_of(merged, tokens, 2), logits_of(exact, tokens, 2), 1e-4));
}

BOOST_AUTO_TEST_CASE(gradients_of_heads_match_finite_differences_over_frozen_bodies) {
  Ensemble merged{first_expert<Double>(), second_expert<Double>()};
  merged.expert<0>().body().freeze();
  merged.expert<1>().body().freeze();
  auto const tokens = random_tokens(8, vocabulary, 2);
  auto targets = random_tokens(8, vocabulary, 3);
  targets[2] = ignored_target;
  auto const ids = batch_view<Double>(tokens, 2), wanted = batch_view<Double>(targets, 2);
  decltype(merged)::Session session(merged, {.batch = 2, .time = 4, .training = true});
  LossScratch<Double> scratch(Double{}, 8, vocabulary,
                              3 * vocabulary * 8);  // chunks of three tokens
  ActiveSet<Double> active(merged);
  BOOST_TEST_REQUIRE(active.segments().size() == 2U);
  static_cast<void>(evaluate_loss_and_gradients(merged, session, ids, wanted, scratch,
                                                active.gradients(), 1.0 / 7));
  std::vector<std::string> prefixes;
  for (auto const& part : active.segments()) {
    prefixes.push_back(part.prefix);
    BOOST_TEST(part.segment->name() == "head");
    auto const expected = finite_differences(part.segment->values().span(), [&] {
      return evaluate_loss(merged, session, ids, wanted, scratch).sum / 7;
    });
    BOOST_TEST(all_close(part.gradient.span(), expected, 1e-8), part.prefix);
  }
  BOOST_TEST(prefixes == (std::vector<std::string>{"experts.0.", "experts.1."}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(gradients_of_whole_experts_match_finite_differences) {
  Ensemble merged{make<Plain<Double>>(1, narrow, 1), make<Other<Double>>(1, narrow, 2)};
  auto const tokens = random_tokens(6, vocabulary, 2), targets = random_tokens(6, vocabulary, 3);
  auto const ids = batch_view<Double>(tokens, 2), wanted = batch_view<Double>(targets, 2);
  decltype(merged)::Session session(merged, {.batch = 2, .time = 3, .training = true});
  LossScratch<Double> scratch(Double{}, 6, vocabulary);
  ActiveSet<Double> active(merged);
  BOOST_TEST_REQUIRE(active.segments().size() == 4U);
  static_cast<void>(evaluate_loss_and_gradients(merged, session, ids, wanted, scratch,
                                                active.gradients(), 1.0 / 6));
  for (auto const& part : active.segments()) {
    // Every fiftieth parameter: each difference costs four forward passes.
    auto const values = part.segment->values().span();
    for (std::size_t i = 0; i < values.size(); i += 50) {
      auto const expected = finite_differences(values.subspan(i, 1), [&] {
        return evaluate_loss(merged, session, ids, wanted, scratch).sum / 6;
      });
      BOOST_TEST(std::abs(part.gradient.span()[i] - expected[0]) < 1e-7,
                 part.prefix << part.segment->name());
    }
  }
}

BOOST_AUTO_TEST_CASE(merged_heads_train_and_frozen_bodies_keep_their_bits) {
  Ensemble merged{first_expert<Cpu>(), second_expert<Cpu>()};
  merged.expert<0>().body().freeze();
  merged.expert<1>().body().freeze();
  auto const bodies = [&] {
    std::vector<float> values;
    merged.for_each_segment([&](std::string const&, auto const& segment) {
      if (segment.name() == "head") return;
      values.insert(values.end(), segment.values().span().begin(), segment.values().span().end());
    });
    return values;
  };
  auto const before = bodies();
  Batches batches(random_tokens(11, vocabulary), {.batch = 2, .time = 5});
  std::vector<double> losses;
  Trainer{
      merged,
      AdamW{.learning_rate = 1e-2},
      {.steps = 60, .on_step = [&](StepReport const& report) { losses.push_back(report.loss); }}}
      .fit(batches);
  BOOST_TEST(losses.back() < losses.front());
  BOOST_TEST(same_bits(bodies(), before));
}

BOOST_AUTO_TEST_CASE(decoding_equals_forward_and_may_be_rewound) {
  Ensemble const merged{first_expert<Double>(), second_expert<Double>()};
  auto const tokens = random_tokens(6, vocabulary);
  auto const expected = logits_of(merged, tokens, 1);
  decltype(merged)::Session session(merged, {.batch = 1, .time = 4, .cache = 6});
  auto const check = [&](Index begin, Index count) {
    merged.decode_step(session, {tokens.data() + begin, {1, count}});
    BOOST_TEST(session.position(0) == begin + count);
    auto const logits = logits_of(merged, session);
    auto const part =
        std::span(expected).subspan(static_cast<std::size_t>(begin * vocabulary), logits.size());
    BOOST_TEST(all_close(logits, part, 1e-12));
  };
  check(0, 4);
  check(4, 2);
  session.rewind(0, 3);
  check(3, 3);
}

BOOST_AUTO_TEST_CASE(other_substrates_are_refused_and_the_difference_is_said) {
  auto const merge = [](std::uint64_t substrate_seed) {
    return Ensemble{make<Plain<Double>>(1, narrow, 1),
                    make<Plain<Double>>(1, narrow, 2, substrate_seed)};
  };
  BOOST_CHECK_NO_THROW(merge(1));
  BOOST_CHECK_EXCEPTION(merge(2), MismatchError,
                        says("ensemble: the experts stand on different substrates: the tables "
                             "differ in 23 of 23 rows"));
  BOOST_CHECK_EXCEPTION(
      merge(2), MismatchError,
      says(difference(random_substrate(vocabulary, 8, 1), random_substrate(vocabulary, 8, 2))));

  Plain<Double> larger{Double{}, random_substrate(vocabulary + 1, 8), {.block = narrow}};
  BOOST_CHECK_EXCEPTION((Ensemble{first_expert<Double>(), std::move(larger)}), MismatchError,
                        says("the vocabularies have 23 and 24 tokens"));
  // The third of three, and one within an inner ensemble.
  BOOST_CHECK_THROW((Ensemble{first_expert<Double>(), second_expert<Double>(),
                              make<Plain<Double>>(1, narrow, 1, 5)}),
                    MismatchError);
  Ensemble inner{make<Plain<Double>>(1, narrow, 1, 5), make<Plain<Double>>(1, narrow, 2, 5)};
  BOOST_CHECK_THROW(
      (Ensemble<Plain<Double>, decltype(inner)>(first_expert<Double>(), std::move(inner))),
      MismatchError);
}

BOOST_AUTO_TEST_CASE(sessions_belong_to_one_ensemble_as_it_stands) {
  Ensemble merged{first_expert<Double>(), second_expert<Double>()};
  Ensemble const other{first_expert<Double>(), second_expert<Double>()};
  auto const tokens = random_tokens(8, vocabulary);
  auto const ids = batch_view<Double>(tokens, 2);
  decltype(merged)::Session session(merged, {.batch = 2, .time = 4});
  BOOST_CHECK_NO_THROW(merged.forward(session, ids));
  BOOST_CHECK_EXCEPTION(other.forward(session, ids), MismatchError, says("made for another model"));
  BOOST_CHECK_EXCEPTION(merged.forward(session, batch_view<Double>(tokens, 1)), ShapeError,
                        says("planned for B = 2 and T = 4"));
  Trainer trainer{merged, AdamW{}, {.steps = 2}};
  merged.expert<1>().body().grow(1);
  BOOST_CHECK_EXCEPTION(merged.forward(session, ids), MismatchError,
                        says("has grown or frozen since"));
  Batches batches = random_batches(vocabulary, 2, 4);
  BOOST_CHECK_EXCEPTION(trainer.step(batches), MismatchError, says("has grown or frozen since"));
}

BOOST_AUTO_TEST_CASE(what_was_moved_from_is_empty_and_says_so) {
  auto const tokens = random_tokens(8, vocabulary);
  auto const ids = batch_view<Double>(tokens, 2);
  auto expert = first_expert<Double>();
  Plain<Double>::Session expert_session(expert, {.batch = 2, .time = 4});
  Ensemble merged{std::move(expert), second_expert<Double>()};
  BOOST_CHECK_THROW(expert.forward(expert_session, ids), MismatchError);
  BOOST_CHECK_THROW(Plain<Double>::Session(expert, {.batch = 2, .time = 4}), MismatchError);

  decltype(merged)::Session session(merged, {.batch = 2, .time = 4});
  auto const expected = logits_of(merged, tokens, 2);
  auto const kept = std::move(merged);
  BOOST_CHECK_THROW(merged.forward(session, ids), MismatchError);
  BOOST_TEST(same_bits(logits_of(kept, tokens, 2), expected));
  kept.forward(session, ids);  // the session goes with the experts
  BOOST_TEST(same_bits(logits_of(kept, session), expected));
}

BOOST_AUTO_TEST_CASE(description_names_the_fusion_and_all_experts) {
  Ensemble const merged{first_expert<Double>(), second_expert<Double>()};
  Json const description = merged.describe();
  BOOST_TEST(description.at("fusion").as_string() == "mean of logits");
  BOOST_TEST_REQUIRE(description.at("experts").size() == 2U);
  BOOST_TEST((description.at("experts").as_array()[0] == first_expert<Double>().describe()));
  BOOST_TEST((description.at("experts").as_array()[1] == second_expert<Double>().describe()));
}

BOOST_AUTO_TEST_SUITE_END()
