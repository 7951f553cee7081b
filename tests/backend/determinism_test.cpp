// One order of summation for every number: the bits of a whole training run depend neither on the number of threads,
// nor on the batch, nor on the size of the vocabulary. The sizes leave a ragged edge in every product. The folder is
// built for each engine.
#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/models.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(determinism)

namespace {

constexpr Index vocabulary = 1031, batch = 3, time_steps = 67;
constexpr BlockConfig sizes{.model_dim = 96, .head_count = 3, .hidden_dim = 200};
using Model = GrowingModel<Cpu>;

/// The rows of a vocabulary of 1,032, or the first 1,031 of them.
Substrate substrate_of(Index tokens) {
  auto const larger = random_substrate(vocabulary + 1, 32);
  std::vector<Token> spellings;
  for (TokenId id = 0; id < tokens; ++id)
    spellings.push_back({std::string(larger.vocabulary().token(id)), larger.vocabulary().kind(id)});
  auto const table = larger.table().first(static_cast<std::size_t>(tokens * 32));
  return Substrate::from_table(Vocabulary(spellings, {}), {table.begin(), table.end()}, 32);
}

/// Two blocks, the second grown on the first; three steps of two accumulated batches for each.
Model train(int threads) {
  Model model{
      Cpu(threads), substrate_of(vocabulary), {.seed = 1, .planned_depth = 2, .block = sizes}};
  Batches batches = random_batches(vocabulary, batch, time_steps);
  for (int stage = 0; stage < 2; ++stage) {
    model.body().grow(1);
    Trainer{model, AdamW{.learning_rate = 1e-3}, {.steps = 3, .accumulation = 2}}.fit(batches);
  }
  return model;
}

Model const& trained() {
  static Model const model = train(2);
  return model;
}

std::string hash_of_parameters(Model& model) {
  auto const parameters = parameters_of(model);
  return sha256_hex(std::as_bytes(std::span(parameters)));
}

std::span<float const> part(std::vector<float> const& values, Index begin, Index count) {
  return std::span(values).subspan(static_cast<std::size_t>(begin),
                                   static_cast<std::size_t>(count));
}

}  // namespace

BOOST_AUTO_TEST_CASE(training_has_the_same_hash_for_any_number_of_threads) {
  Model one = train(1);
  std::string const expected = hash_of_parameters(one);
  for (int const threads : {2, 4, 16}) {
    Model model = train(threads);
    BOOST_TEST(hash_of_parameters(model) == expected, threads << " threads");
  }
}

BOOST_AUTO_TEST_CASE(fifty_steps_have_the_same_hash_for_1_to_8_threads) {
  auto const hash_with = [](int threads) {
    Model model{
        Cpu(threads), substrate_of(vocabulary), {.seed = 1, .planned_depth = 1, .block = sizes}};
    model.body().grow(1);
    Batches batches = random_batches(vocabulary, 1, time_steps);
    Trainer{model, AdamW{.learning_rate = 1e-3}, {.steps = 50}}.fit(batches);
    return hash_of_parameters(model);
  };
  std::string const expected = hash_with(1);
  for (int threads = 2; threads <= 8; ++threads)
    BOOST_TEST(hash_with(threads) == expected, threads << " threads");
}

BOOST_AUTO_TEST_CASE(row_alone_has_the_bits_that_it_has_in_the_batch) {
  auto const tokens = random_tokens(batch * time_steps, vocabulary, 5);
  auto const logits = logits_of(trained(), tokens, batch);
  for (Index row = 0; row < batch; ++row) {
    auto const ids =
        std::span(tokens).subspan(static_cast<std::size_t>(row * time_steps), time_steps);
    auto const alone = logits_of(trained(), std::vector<TokenId>(ids.begin(), ids.end()), 1);
    BOOST_TEST(
        same_bits(alone, part(logits, row * time_steps * vocabulary, time_steps * vocabulary)),
        "row " << row);
  }
}

BOOST_AUTO_TEST_CASE(shorter_sequence_has_the_bits_of_the_longer_ones_beginning) {
  auto const tokens = random_tokens(time_steps, vocabulary, 5);
  auto const logits = logits_of(trained(), tokens, 1);
  for (Index const length : {1, 2, 31, 64, 66}) {
    std::vector<TokenId> const beginning(tokens.begin(), tokens.begin() + length);
    BOOST_TEST(same_bits(logits_of(trained(), beginning, 1), part(logits, 0, length * vocabulary)),
               length << " tokens");
  }
}

BOOST_AUTO_TEST_CASE(decoding_in_chunks_of_any_size_gives_the_bits_of_forward) {
  auto const tokens = random_tokens(time_steps, vocabulary, 5);
  auto const expected = logits_of(trained(), tokens, 1);
  for (Index const chunk : {1, 5, 67}) {
    Model::Session session(trained(), {.batch = 1, .time = chunk, .cache = time_steps});
    for (Index begin = 0; begin < time_steps; begin += chunk) {
      Index const count = std::min(chunk, time_steps - begin);
      trained().decode_step(session, {tokens.data() + begin, {1, count}});
      BOOST_TEST(same_bits(logits_of(trained(), session),
                           part(expected, begin * vocabulary, count * vocabulary)),
                 "chunk of " << chunk << " at " << begin);
    }
  }
}

BOOST_AUTO_TEST_CASE(vocabulary_grown_by_one_leaves_the_old_logits_their_bits) {
  Model larger{
      Cpu(2), substrate_of(vocabulary + 1), {.seed = 1, .planned_depth = 2, .block = sizes}};
  larger.body().grow(1);
  larger.body().grow(1);
  // The trained parameters; the head gains a row of weights and a bias.
  std::vector<std::pair<std::string, std::vector<float>>> saved;
  Model model = train(2);
  model.for_each_segment([&](std::string const&, auto const& segment) {
    for (auto const& entry : segment.entries()) {
      auto const values = segment.values().slice(entry.offset, entry.offset + entry.count).span();
      saved.push_back({entry.name, {values.begin(), values.end()}});
    }
  });
  std::size_t next = 0;
  larger.for_each_segment([&](std::string const&, auto& segment) {
    for (auto const& entry : segment.entries()) {
      BOOST_TEST_REQUIRE(saved[next].first == entry.name);
      BOOST_TEST_REQUIRE(static_cast<Index>(saved[next].second.size()) <= entry.count);
      std::copy(saved[next].second.begin(), saved[next].second.end(),
                segment.values().data() + entry.offset);
      ++next;
    }
  });
  auto const tokens = random_tokens(batch * time_steps, vocabulary, 5);
  auto const before = logits_of(model, tokens, batch), after = logits_of(larger, tokens, batch);
  for (Index token = 0; token < batch * time_steps; ++token)
    BOOST_TEST_REQUIRE(same_bits(part(after, token * (vocabulary + 1), vocabulary),
                                 part(before, token * vocabulary, vocabulary)));
}

BOOST_AUTO_TEST_SUITE_END()
