#include <boost/test/unit_test.hpp>

#include <thread>

#include "support/all_close.hpp"
#include "support/finite_differences.hpp"
#include "support/models.hpp"
#include "support/tensors.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(decoder)

namespace {

constexpr Index vocabulary = 23;
constexpr BlockConfig sizes{.model_dim = 16, .head_count = 2, .hidden_dim = 24};

template <class Model>
Model make(std::vector<Index> const& stages, std::uint64_t seed = 1) {
  Model model{typename Model::Backend{},
              random_substrate(vocabulary, 8),
              {.seed = seed, .planned_depth = 3, .block = sizes}};
  for (Index const blocks : stages) model.body().grow(blocks);
  return model;
}

template <class Embedding>
void check_gradients(std::vector<Index> const& stages) {
  using Model = GrowingModel<Double, Embedding>;
  Model model = make<Model>(stages);
  // Larger values than those at the start: differences of norms over tiny numbers are not exact enough.
  model.for_each_segment([&](std::string const&, auto& segment) {
    auto const values = random_values(segment.name(), segment.values().count(), 0.1, 0.5);
    std::copy(values.begin(), values.end(), segment.values().data());
  });
  auto const tokens = random_tokens(8, vocabulary, 2);
  auto targets = random_tokens(8, vocabulary, 3);
  targets[5] = ignored_target;
  auto const ids = batch_view<Double>(tokens, 2), wanted = batch_view<Double>(targets, 2);
  typename Model::Session session(model, {.batch = 2, .time = 4, .training = true});
  LossScratch<Double> scratch(Double{}, 8, vocabulary,
                              3 * vocabulary * 8);  // chunks of three tokens
  ActiveSet<Double> active(model);
  static_cast<void>(evaluate_loss_and_gradients(model, session, ids, wanted, scratch,
                                                active.gradients(), 1.0 / 7));
  for (auto const& part : active.segments()) {
    auto const expected = finite_differences(part.segment->values().span(), [&] {
      return evaluate_loss(model, session, ids, wanted, scratch).sum / 7;
    });
    BOOST_TEST(all_close(part.gradient.span(), expected, 1e-8), part.segment->name());
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(gradients_match_finite_differences) {
  check_gradients<FrozenGlyphEmbedding>({2});
  check_gradients<FrozenGlyphEmbedding>({2, 1});
  check_gradients<BinaryIdEmbedding>({1});
}

BOOST_AUTO_TEST_CASE(learned_embedding_trains_until_it_is_grown_over) {
  check_gradients<LearnedEmbedding>({2});
  using Model = GrowingModel<Double, LearnedEmbedding>;
  Model model = make<Model>({1});
  BOOST_TEST(model.embedding_trains());
  BOOST_TEST(ActiveSet<Double>(model).segments().size() == 3U);  // embedding, block, head
  model.body().grow(1);
  BOOST_TEST(!model.embedding_trains());
  BOOST_TEST(ActiveSet<Double>(model).segments().size() == 2U);
  Model other = make<Model>({1});
  other.freeze_embedding();
  BOOST_TEST(ActiveSet<Double>(other).segments().size() == 2U);
}

BOOST_AUTO_TEST_CASE(growth_leaves_older_blocks_as_they_are) {
  using Model = GrowingModel<Double>;
  Model model = make<Model>({1});
  auto const before = parameters_of(model);
  model.body().grow(2);
  BOOST_TEST(model.body().depth() == 3);
  BOOST_TEST(model.body().first_trainable() == 1);
  auto const after = parameters_of(model);
  Index const block = parameter_count(model.body().blocks()[0]);
  BOOST_TEST(same_bits(std::span(after).first(static_cast<std::size_t>(block)),
                       std::span(before).first(static_cast<std::size_t>(block))));
}

BOOST_AUTO_TEST_CASE(initial_values_depend_on_seed_and_name_alone) {
  using Model = GrowingModel<Double>;
  Model at_once = make<Model>({3}), by_stages = make<Model>({1, 2}), other = make<Model>({3}, 2);
  BOOST_TEST(same_bits(parameters_of(at_once), parameters_of(by_stages)));
  BOOST_TEST(!same_bits(parameters_of(at_once), parameters_of(other)));
}

BOOST_AUTO_TEST_CASE(residual_outputs_start_smaller_by_the_planned_depth) {
  GrowingModel<Double> model{
      Double{},
      random_substrate(vocabulary, 8),
      {.planned_depth = 8, .block = {.model_dim = 64, .head_count = 2, .hidden_dim = 64}}};
  model.body().grow(1);
  auto const deviation_of = [&](std::string const& name) {
    double squares = 0;
    Index count = 0;
    model.for_each_segment([&](std::string const&, auto const& segment) {
      for (auto const& entry : segment.entries())
        if (entry.name == name) {
          count = entry.count;
          for (Index i = 0; i < count; ++i)
            squares += std::pow(segment.values()(entry.offset + i), 2);
        }
    });
    return std::sqrt(squares / static_cast<double>(count));
  };
  BOOST_TEST(std::abs(deviation_of("blocks.0.attention.qkv.weight") - 0.02) < 0.001);
  BOOST_TEST(std::abs(deviation_of("blocks.0.attention.out.weight") - 0.02 / 4) < 0.0005);
  BOOST_TEST(std::abs(deviation_of("blocks.0.feed_forward.down.weight") - 0.02 / 4) < 0.0005);
}

BOOST_AUTO_TEST_CASE(row_expands_by_repetition) {
  auto const substrate = random_substrate(vocabulary, 4);
  FrozenGlyphEmbedding::Layer<Double> const layer(Double{}, substrate, 12);
  std::vector<TokenId> const tokens{7};
  std::vector<double> out(12);
  layer.forward(Double{}, batch_view<Double>(tokens, 1), {out.data(), {1, 1, 12}});
  for (std::size_t i = 0; i < 12; ++i)
    BOOST_TEST(out[i] == static_cast<double>(substrate.row(7)[i / 3]));
  BOOST_CHECK_EXCEPTION((FrozenGlyphEmbedding::Layer<Double>(Double{}, substrate, 10)), ShapeError,
                        says("model_dim 10 is no multiple of the embedding width 4"));
}

BOOST_AUTO_TEST_CASE(binary_id_has_the_bits_of_the_id) {
  BOOST_TEST(BinaryIdEmbedding::width_for(65536, 1024) == 16);
  BOOST_TEST(BinaryIdEmbedding::width_for(8192, 256) ==
             16);  // 13 bits need 16 places to divide 256
  BinaryIdEmbedding::Layer<Double> const layer(Double{}, random_substrate(vocabulary, 1), 8);
  std::vector<TokenId> const tokens{21};
  std::vector<double> out(8);
  layer.forward(Double{}, batch_view<Double>(tokens, 1), {out.data(), {1, 1, 8}});
  std::vector<double> const expected{1, 0, 1, 0, 1, 0, 0, 0};
  BOOST_TEST(same_bits(out, expected));
}

BOOST_AUTO_TEST_CASE(sessions_are_held_to_their_plan) {
  using Model = GrowingModel<Double>;
  Model model = make<Model>({1});
  Model const other = make<Model>({1});
  Model::Session session(model, {.batch = 2, .time = 4});
  auto const eight = random_tokens(8, vocabulary);
  BOOST_CHECK_NO_THROW(model.forward(session, batch_view<Double>(eight, 2)));
  BOOST_CHECK_NO_THROW(model.forward(session, {eight.data(), {1, 3}}));
  BOOST_CHECK_EXCEPTION(model.forward(session, batch_view<Double>(eight, 1)), ShapeError,
                        says("planned for B = 2 and T = 4, called with B = 1 and T = 8"));
  BOOST_CHECK_EXCEPTION(other.forward(session, batch_view<Double>(eight, 2)), MismatchError,
                        says("made for another model"));
  BOOST_CHECK_EXCEPTION(model.decode_step(session, batch_view<Double>(eight, 2)), ShapeError,
                        says("planned without a cache"));
  BOOST_CHECK_EXCEPTION(model.backward(session, {}, batch_view<Double>(eight, 2)), ShapeError,
                        says("planned without training"));
  model.body().grow(1);
  BOOST_CHECK_EXCEPTION(model.forward(session, batch_view<Double>(eight, 2)), MismatchError,
                        says("has grown or frozen since"));
  BOOST_CHECK_EXCEPTION(Model::Session(model, {.batch = 0, .time = 4}), ShapeError,
                        says("must be positive"));
  BOOST_CHECK_EXCEPTION(
      Model::Session(model, {.batch = 1, .time = 4, .training = true, .cache = 8}), ShapeError,
      says("one session for training"));
}

BOOST_AUTO_TEST_CASE(ids_and_targets_outside_of_the_vocabulary_are_named) {
  using Model = GrowingModel<Double>;
  Model const model = make<Model>({1});
  Model::Session session(model, {.batch = 2, .time = 4});
  auto tokens = random_tokens(8, vocabulary);
  tokens[6] = vocabulary;
  BOOST_CHECK_EXCEPTION(
      model.forward(session, batch_view<Double>(tokens, 2)), ValueError,
      says("token id 23 at sequence 1, token 2 is outside of the vocabulary of 23"));
  tokens[6] = -1;
  BOOST_CHECK_THROW(model.forward(session, batch_view<Double>(tokens, 2)), ValueError);
  tokens[6] = 1;
  auto targets = tokens;
  targets[3] = 99;
  LossScratch<Double> scratch(Double{}, 8, vocabulary);
  BOOST_CHECK_EXCEPTION(evaluate_loss(model, session, batch_view<Double>(tokens, 2),
                                      batch_view<Double>(targets, 2), scratch),
                        ValueError, says("target 99 of token 3"));
}

BOOST_AUTO_TEST_CASE(body_without_blocks_says_what_to_do) {
  using Model = GrowingModel<Double>;
  Model const model = make<Model>({});
  Model::Session session(model, {.batch = 1, .time = 4});
  BOOST_CHECK_EXCEPTION(model.forward(session, batch_view<Double>(random_tokens(4, vocabulary), 1)),
                        ValueError, says("call body().grow(n) first"));
}

BOOST_AUTO_TEST_CASE(decoding_equals_forward_and_may_be_rewound) {
  using Model = GrowingModel<Double>;
  Model const model = make<Model>({2});
  auto const tokens = random_tokens(6, vocabulary);
  auto const expected = logits_of(model, tokens, 1);
  Model::Session session(model, {.batch = 1, .time = 3, .cache = 6});
  auto const check = [&](Index begin, Index count) {
    model.decode_step(session, {tokens.data() + begin, {1, count}});
    auto const logits = logits_of(model, session);
    BOOST_TEST(all_close(
        logits,
        std::span(expected).subspan(static_cast<std::size_t>(begin * vocabulary), logits.size()),
        1e-12));
  };
  check(0, 3);
  check(3, 1);
  check(4, 2);
  BOOST_CHECK_EXCEPTION(model.decode_step(session, {tokens.data(), {1, 1}}), ShapeError,
                        says("stands at token 6 and 1 more do not fit into a cache of 6"));
  session.rewind(0, 4);
  check(4, 2);
  BOOST_CHECK_THROW(session.rewind(0, 9), ValueError);
}

BOOST_AUTO_TEST_CASE(one_model_serves_several_threads) {
  using Model = GrowingModel<Cpu>;
  Model const model = make<Model>({2});
  auto const tokens = random_tokens(24, vocabulary);
  auto const expected = logits_of(model, tokens, 2);
  std::vector<std::vector<float>> found(4);
  std::vector<std::thread> threads;
  for (auto& logits : found) threads.emplace_back([&] { logits = logits_of(model, tokens, 2); });
  for (auto& thread : threads) thread.join();
  for (auto const& logits : found) BOOST_TEST(same_bits(logits, expected));
}

BOOST_AUTO_TEST_CASE(model_outlives_its_handles_and_moves) {
  using Model = GrowingModel<Cpu>;
  auto const tokens = random_tokens(8, vocabulary);
  std::vector<float> expected;
  std::optional<Model> kept;
  {
    Cpu const backend;
    auto const substrate = random_substrate(vocabulary, 8);
    Model model{backend, substrate, {.planned_depth = 1, .block = sizes}};
    model.body().grow(1);
    expected = logits_of(model, tokens, 2);
    kept.emplace(std::move(model));
  }
  BOOST_TEST(same_bits(logits_of(*kept, tokens, 2), expected));
}

BOOST_AUTO_TEST_SUITE_END()
