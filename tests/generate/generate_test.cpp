#include <boost/test/unit_test.hpp>

#include <set>

#include "support/all_close.hpp"
#include "support/models.hpp"
#include "support/tensors.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(generation)

namespace {

constexpr BlockConfig narrow{.model_dim = 16, .head_count = 2, .hidden_dim = 24};
constexpr BlockConfig wide{.model_dim = 24, .head_count = 3, .hidden_dim = 32};
using Tokens = std::vector<TokenId>;

/// Four special tokens, all bytes, and some text of one and of two code points.
Substrate text_substrate() {
  std::vector<Token> tokens;
  for (char const* name : {"<pad>", "<s>", "</s>", "<unk>"})
    tokens.push_back({name, TokenKind::special});
  for (int byte = 0; byte < 256; ++byte)
    tokens.push_back({std::string(1, static_cast<char>(byte)), TokenKind::byte});
  for (char const* text : {"a", "b", " ", "ab", "да"}) tokens.push_back({text, TokenKind::text});
  std::vector<TokenPair> const merges{{260, 261}};
  Index const size = static_cast<Index>(tokens.size());
  std::vector<float> table;
  for (double const value : random_values("table", size * 8))
    table.push_back(static_cast<float>(value));
  return Substrate::from_table(Vocabulary(tokens, merges), std::move(table), 8);
}

/// Random parameters large enough that tokens are far apart.
template <class Model>
void make_opinionated(Model& model, double factor = 20) {
  model.for_each_segment([&](std::string const&, auto& segment) {
    for (auto& value : segment.values().span())
      value = static_cast<std::remove_reference_t<decltype(value)>>(static_cast<double>(value) *
                                                                    factor);
  });
}

template <class Backend>
GrowingModel<Backend> make(Substrate const& substrate, BlockConfig const& block = narrow,
                           std::uint64_t seed = 1) {
  GrowingModel<Backend> model{
      Backend{}, substrate, {.seed = seed, .planned_depth = 2, .block = block}};
  model.body().grow(2);
  make_opinionated(model);
  return model;
}

template <class Backend>
auto make_pair(Substrate const& substrate) {
  return Ensemble{make<Backend>(substrate), make<Backend>(substrate, wide, 2)};
}

/// The argmax of a full forward pass after each token.
template <class Model>
Tokens argmax_of_full_passes(Model const& model, Tokens tokens, Index count) {
  auto const vocabulary = static_cast<std::ptrdiff_t>(model.substrate().vocabulary_size());
  std::size_t const prompt = tokens.size();
  while (static_cast<Index>(tokens.size() - prompt) < count) {
    auto const logits = logits_of(model, tokens, 1);
    auto const last = logits.end() - vocabulary;
    tokens.push_back(static_cast<TokenId>(std::max_element(last, logits.end()) - last));
  }
  return {tokens.begin() + static_cast<std::ptrdiff_t>(prompt), tokens.end()};
}

GenerateOptions greedy(Index count) {
  return {.max_tokens = count, .sampling = {.temperature = 0}, .stop_at_end = false};
}

std::vector<Tokens> const prompts{
    {1, 5, 9, 13, 2, 7, 11}, {1}, {1, 8, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}};

}  // namespace

BOOST_AUTO_TEST_CASE(greedy_equals_the_argmax_of_full_forward_passes) {
  auto const substrate = random_substrate(23, 8);
  auto const one = make<Double>(substrate);
  auto const pair = make_pair<Double>(substrate);
  for (auto const& prompt : prompts) {
    BOOST_TEST(
        generate_tokens(one, {prompt}, greedy(20))[0] == argmax_of_full_passes(one, prompt, 20),
        boost::test_tools::per_element());
    BOOST_TEST(
        generate_tokens(pair, {prompt}, greedy(20))[0] == argmax_of_full_passes(pair, prompt, 20),
        boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(prompt_gets_in_any_company_what_it_gets_alone) {
  auto const substrate = random_substrate(23, 8);
  auto const model = make<Cpu>(substrate);
  auto const pair = make_pair<Cpu>(substrate);
  auto const check = [](auto const& any_model) {
    auto const together = generate_tokens(any_model, prompts, greedy(15));
    BOOST_TEST_REQUIRE(together.size() == prompts.size());
    for (std::size_t i = 0; i < prompts.size(); ++i)
      BOOST_TEST(generate_tokens(any_model, {prompts[i]}, greedy(15))[0] == together[i],
                 boost::test_tools::per_element());
  };
  check(model);
  check(pair);
}

BOOST_AUTO_TEST_CASE(hidden_states_of_a_row_are_the_same_bits_alone_and_in_a_batch) {
  auto const model = make<Cpu>(random_substrate(23, 8));
  auto const tokens = random_tokens(24, 23);
  GrowingModel<Cpu>::Session batch(model, {.batch = 3, .time = 5, .cache = 8});
  GrowingModel<Cpu>::Session alone(model, {.batch = 1, .time = 5, .cache = 8});
  for (Index begin = 0; begin < 8; begin += begin == 0 ? 5 : 1) {
    Index const count = begin == 0 ? 5 : 1;
    Tokens ids;
    for (Index row = 0; row < 3; ++row)
      for (Index t = begin; t < begin + count; ++t)
        ids.push_back(tokens[static_cast<std::size_t>(row * 8 + t)]);
    model.decode_step(batch, batch_view<Cpu>(ids, 3));
    model.decode_step(alone, {tokens.data() + 8 + begin, {1, count}});
    auto const all = logits_of(model, batch), own = logits_of(model, alone);
    BOOST_TEST(same_bits(own, std::span(all).subspan(own.size(), own.size())));
  }
}

BOOST_AUTO_TEST_CASE(prompts_may_be_taken_in_chunks_of_any_size) {
  auto const model = make<Cpu>(random_substrate(23, 8));
  auto options = greedy(10);
  auto const expected = generate_tokens(model, prompts, options);
  for (Index const prefill : {0, 1, 2, 3, 5, 12, 13, 1000}) {
    options.prefill = prefill;
    BOOST_TEST((generate_tokens(model, prompts, options) == expected), "in chunks of " << prefill);
  }
}

BOOST_AUTO_TEST_CASE(seed_decides_and_prompts_draw_from_streams_of_their_own) {
  auto const model = make<Cpu>(random_substrate(23, 8));
  GenerateOptions options{.max_tokens = 30, .sampling = {.temperature = 3}, .stop_at_end = false};
  auto const twice = generate_tokens(model, {prompts[0], prompts[0]}, options);
  BOOST_TEST((generate_tokens(model, {prompts[0], prompts[0]}, options) == twice));
  BOOST_TEST((twice[0] != twice[1]));
  BOOST_TEST((generate_tokens(model, {prompts[0]}, options)[0] == twice[0]));
  options.seed = 2;
  BOOST_TEST((generate_tokens(model, {prompts[0]}, options)[0] != twice[0]));
}

BOOST_AUTO_TEST_CASE(end_token_ends_a_text_and_is_no_part_of_it) {
  // A head whose bias alone decides: always </s>, or never.
  for (bool const ends : {true, false}) {
    auto model = make<Cpu>(text_substrate());
    model.for_each_segment([&](std::string const&, auto& segment) {
      for (auto const& entry : segment.entries())
        if (entry.name == "head.linear.bias")
          segment.values()(entry.offset + 2) = ends ? 1e6F : -1e6F;
    });
    GenerateOptions options{.max_tokens = 6};
    BOOST_TEST(generate_tokens(model, {{1, 260}}, options)[0].size() == (ends ? 0U : 6U));
    if (!ends) continue;
    BOOST_TEST(generate(model, "ab", options).empty());
    options.stop_at_end = false;
    BOOST_TEST((generate_tokens(model, {{1, 260}}, options)[0] == Tokens(6, 2)));
  }
}

BOOST_AUTO_TEST_CASE(text_that_ends_early_does_not_end_the_others) {
  auto const model = make<Cpu>(random_substrate(23, 8));
  auto options = greedy(40);
  auto const free = generate_tokens(model, prompts, options);
  options.stop_at_end = true;
  auto const ended = generate_tokens(model, prompts, options);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    auto const end = std::find(free[i].begin(), free[i].end(), 2);
    BOOST_TEST(ended[i] == Tokens(free[i].begin(), end), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(pieces_are_whole_code_points_and_join_to_the_text) {
  // At a high temperature most tokens are single bytes, which make broken and whole code points.
  auto model = make<Cpu>(text_substrate());
  std::set<std::string> texts;
  for (std::uint64_t const seed : {1U, 2U, 3U, 4U}) {
    GenerateOptions const options{
        .max_tokens = 60, .sampling = {.temperature = 50}, .seed = seed, .stop_at_end = false};
    std::string joined;
    std::size_t pieces = 0;
    std::string const text = generate(model, "да ab", options, [&](std::string_view piece) {
      BOOST_TEST(!piece.empty());
      BOOST_CHECK_NO_THROW(static_cast<void>(to_code_points(piece, "piece")));
      joined += piece;
      ++pieces;
    });
    BOOST_TEST(joined == text);
    BOOST_TEST(pieces > 10U);
    texts.insert(text);

    Tokens prompt{1};
    BpeTokenizer const tokenizer(model.substrate().vocabulary());
    for (TokenId const id : tokenizer.encode("да ab")) prompt.push_back(id);
    BOOST_TEST(text == tokenizer.decode(generate_tokens(model, {prompt}, options)[0]));
  }
  BOOST_TEST(texts.size() == 4U);
}

BOOST_AUTO_TEST_CASE(bytes_of_one_code_point_come_as_one_piece) {
  // The head's bias is raised for the bytes of "я" in turn, by a sampler that only ever sees them.
  auto model = make<Cpu>(text_substrate());
  TokenId const first_byte = 4 + 0xD1, second_byte = 4 + 0x8F;
  model.for_each_segment([&](std::string const&, auto& segment) {
    for (auto const& entry : segment.entries())
      if (entry.name == "head.linear.bias")
        for (TokenId const id : {first_byte, second_byte})
          segment.values()(entry.offset + id) = 1e6F;
  });
  GenerateOptions const options{.max_tokens = 80, .sampling = {.temperature = 1e5}, .seed = 5};
  std::set<std::string> pieces;
  generate(model, "", options, [&](std::string_view piece) { pieces.insert(std::string(piece)); });
  BOOST_TEST(pieces.contains("я"));
  for (auto const& piece : pieces)
    BOOST_CHECK_NO_THROW(static_cast<void>(to_code_points(piece, "piece")));
}

BOOST_AUTO_TEST_CASE(no_tokens_are_no_text) {
  auto const model = make<Cpu>(text_substrate());
  for (Index const none : {0, -3}) {
    bool called = false;
    BOOST_TEST(generate(model, "ab", {.max_tokens = none}, [&](std::string_view) {
                 called = true;
               }).empty());
    BOOST_TEST(!called);
    BOOST_TEST(generate_tokens(model, {{1}, {1, 2}}, {.max_tokens = none}).size() == 2U);
  }
}

BOOST_AUTO_TEST_CASE(empty_prompt_follows_the_begin_token) {
  auto const model = make<Cpu>(text_substrate());
  auto const options = greedy(12);
  BpeTokenizer const tokenizer(model.substrate().vocabulary());
  BOOST_TEST(generate(model, "", options) ==
             tokenizer.decode(generate_tokens(model, {{1}}, options)[0]));
  BOOST_CHECK_EXCEPTION(static_cast<void>(generate_tokens(model, {{1}, {}}, options)), ValueError,
                        says("generate: a prompt needs at least one token"));
  BOOST_CHECK_EXCEPTION(static_cast<void>(generate_tokens(model, {}, options)), ValueError,
                        says("generate: no prompts"));
}

BOOST_AUTO_TEST_CASE(stop_token_ends_the_text_after_the_token_at_hand) {
  auto const model = make<Cpu>(text_substrate());
  std::stop_source source;
  auto options = greedy(1000);
  options.stop = source.get_token();
  std::size_t pieces = 0;
  generate(model, "ab", options, [&](std::string_view) {
    if (++pieces == 3) source.request_stop();
  });
  BOOST_TEST(pieces <= 4U);  // one more where a held back byte is given up
  BOOST_TEST(generate_tokens(model, {{1}}, options)[0].size() == 1U);
}

BOOST_AUTO_TEST_CASE(prompts_and_settings_that_cannot_be_are_named) {
  auto const model = make<Cpu>(text_substrate());
  BOOST_CHECK_EXCEPTION(generate(model, "ab\xFF", {}), FileError, says("offset 2"));
  BOOST_CHECK_EXCEPTION(generate(model, "ab", {.sampling = {.temperature = -1}}), ValueError,
                        says("temperature"));
  BOOST_CHECK_EXCEPTION(static_cast<void>(generate_tokens(model, {{1, 999}}, {})), ValueError,
                        says("token id 999 at sequence 0, token 1"));
}

BOOST_AUTO_TEST_CASE(ensemble_writes_text) {
  auto const pair = make_pair<Cpu>(text_substrate());
  std::string joined;
  std::string const text =
      generate(pair, "ab да", {.max_tokens = 20, .sampling = {.temperature = 9}},
               [&](std::string_view piece) { joined += piece; });
  BOOST_TEST(!text.empty());
  BOOST_TEST(joined == text);
}

BOOST_AUTO_TEST_SUITE_END()
