#include <accrete/text/tokenizer_json.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "support/error_text.hpp"
#include "support/mutants.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using accrete_test::says;

BOOST_AUTO_TEST_SUITE(tokenizer_json)

namespace {

using Ids = std::vector<TokenId>;

std::filesystem::path const golden = ACCRETE_SOURCE_DIR "/tests/golden/tokenizers";

Ids read_ids(std::string const& text) {
  std::istringstream numbers(text);
  Ids ids;
  for (TokenId id = 0; numbers >> id;) ids.push_back(id);
  return ids;
}

Ids with_marks(Tokenizer const& tokenizer, Ids ids) {
  TokenizerRules const& rules = tokenizer.rules();
  ids.insert(ids.begin(), rules.before.begin(), rules.before.end());
  ids.insert(ids.end(), rules.behind.begin(), rules.behind.end());
  return ids;
}

/// Lines of a text as a JSON string, its ids, its ids with marks, with tabs between.
void check_golden(Tokenizer const& tokenizer, std::string const& name) {
  std::ifstream file(golden / (name + ".tsv"));
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    std::size_t const first = line.find('\t'), second = line.find('\t', first + 1);
    std::string const text = Json::parse(line.substr(0, first), name).as_string();
    Ids const ids = tokenizer.encode(text);
    BOOST_TEST(ids == read_ids(line.substr(first + 1, second - first - 1)),
               boost::test_tools::per_element());
    BOOST_TEST(with_marks(tokenizer, ids) == read_ids(line.substr(second + 1)),
               boost::test_tools::per_element());
    bool const loses = tokenizer.rules().unknown &&
                       std::find(ids.begin(), ids.end(), *tokenizer.rules().unknown) != ids.end();
    if (!loses && !tokenizer.rules().prefix_space) BOOST_TEST(tokenizer.decode(ids) == text);
  }
  BOOST_TEST(lines > 100);
}

constexpr char const* names[] = {"plain",        "plain-fused",     "plain-bytes",
                                 "gpt2",         "gpt2-old-merges", "gpt2-prefix-space",
                                 "gpt2-unknown", "llama3",          "llama3-ignore-merges",
                                 "qwen2"};

std::string const sample = R"({"version": "1.0", "truncation": null, "padding": null,
 "added_tokens": [{"id": 4, "content": "<s>", "single_word": false, "lstrip": false,
                   "rstrip": false, "normalized": false, "special": true}],
 "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
 "model": {"type": "BPE", "dropout": null, "unk_token": "?", "continuing_subword_prefix": null,
           "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
           "ignore_merges": false, "vocab": {"a": 0, "b": 1, "ab": 2, "?": 3},
           "merges": [["a", "b"]]}})";

Tokenizer parse(std::string const& text) {
  return parse_tokenizer_json(text, "t.json");
}

/// The sample with one part replaced.
Tokenizer changed(std::string_view part, std::string_view by) {
  std::string text = sample;
  std::size_t const place = text.find(part);
  BOOST_TEST_REQUIRE(place != text.npos);
  return parse(text.replace(place, part.size(), by));
}

/// Holds for a FileError that names the file, an offset above 0, and each of these.
auto refuses(auto const&... parts) {
  return [=](FileError const& error) {
    return error.offset() > 0 && says("t.json: offset ", parts...)(error);
  };
}

}  // namespace

BOOST_AUTO_TEST_CASE(files_of_tokenizers_give_the_ids_that_it_gives) {
  for (std::string const name : names) {
    BOOST_TEST_CONTEXT(name) check_golden(read_tokenizer_json(golden / (name + ".json")), name);
  }
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_as_the_same) {
  accrete_test::ScratchFolder const folder;
  for (std::string const name : names) {
    Tokenizer const tokenizer = read_tokenizer_json(golden / (name + ".json"));
    write_tokenizer_json(tokenizer, folder / "copy.json");
    Tokenizer const copy = read_tokenizer_json(folder / "copy.json");
    BOOST_TEST((copy.vocabulary() == tokenizer.vocabulary()), name);
    BOOST_TEST((copy.rules() == tokenizer.rules()), name);
  }
}

BOOST_AUTO_TEST_CASE(a_vocabulary_of_our_own_is_written_with_bytes_and_special_tokens) {
  std::vector<Token> tokens = {
      {"<unk>", TokenKind::special}, {"a"}, {" "}, {"a "}, {"<unused_4>", TokenKind::reserved}};
  for (int byte = 0; byte < 256; ++byte)
    tokens.push_back({std::string(1, static_cast<char>(byte)), TokenKind::byte});
  Tokenizer const tokenizer{Vocabulary(tokens, std::vector<TokenPair>{{1, 2}})};
  Tokenizer const copy = parse(to_tokenizer_json(tokenizer));
  std::string const text = "a a😀<unk>\n<unused_4>";
  BOOST_TEST(copy.encode(text) == tokenizer.encode(text), boost::test_tools::per_element());
  BOOST_TEST(copy.encode(text) ==
                 BpeTokenizer(tokenizer.vocabulary()).encode(text, SpecialTokens::as_tokens),
             boost::test_tools::per_element());
  BOOST_TEST(copy.decode(copy.encode(text)) == text);

  tokens.push_back({"<0x41>"});
  BOOST_CHECK_EXCEPTION((void)to_tokenizer_json(Tokenizer{Vocabulary(tokens, {})}), ValueError,
                        says("<0x41>"));
  std::vector<Token> const reserved = {{"a"}, {"b", TokenKind::reserved}};
  BOOST_CHECK_EXCEPTION((void)to_tokenizer_json(Tokenizer{Vocabulary(reserved, {})}), ValueError,
                        says("token 1"));
}

BOOST_AUTO_TEST_CASE(batches_over_threads_give_the_same_ids) {
  Tokenizer const tokenizer = read_tokenizer_json(golden / "llama3.json");
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) texts.push_back("text " + std::to_string(i) + " don't");
  ThreadPool pool(3);
  std::vector<Ids> const ids = tokenizer.encode_batch(texts, pool);
  for (std::size_t i = 0; i < texts.size(); ++i) BOOST_TEST((ids[i] == tokenizer.encode(texts[i])));
}

BOOST_AUTO_TEST_CASE(decoding_token_by_token_never_splits_a_code_point) {
  Tokenizer const tokenizer = read_tokenizer_json(golden / "gpt2.json");
  std::string const text = "né 😀 мост 図";
  Tokenizer::Decoder decoder(tokenizer);
  std::string out;
  for (TokenId const id : tokenizer.encode(text)) {
    decoder.push(id, out);
    BOOST_TEST(is_valid_utf8(out));
  }
  decoder.finish(out);
  BOOST_TEST(out == text);
}

BOOST_AUTO_TEST_CASE(special_tokens_are_plain_text_on_demand) {
  Tokenizer const tokenizer = parse(sample);
  BOOST_TEST((tokenizer.encode("ab<s>b") == Ids{2, 4, 1}));
  BOOST_TEST((tokenizer.encode("<s>b", SpecialTokens::as_text) == Ids{3, 3, 3, 1}));
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_refused_by_its_path) {
  auto const refused = [&](std::string_view part, std::string_view by, auto const&... says_this) {
    BOOST_CHECK_EXCEPTION((void)changed(part, by), FileError, refuses(says_this...));
  };
  refused(R"("normalizer": null)", R"("normalizer": {"type": "NFC"})", "normalizer: normalizer is");
  refused(R"("truncation": null)", R"("truncation": {"max_length": 5})", "truncation");
  refused(R"("padding": null)", R"("padding": {})", "padding");
  refused(R"("dropout": null)", R"("dropout": 0.1)", "model.dropout");
  refused(R"("type": "BPE")", R"("type": "Unigram")", "model.type", "Unigram");
  refused(R"("end_of_word_suffix": null)", R"("end_of_word_suffix": "</w>")", "end_of_word_suffix");
  refused(R"("lstrip": false)", R"("lstrip": true)", "added_tokens[0].lstrip");
  refused(R"("fuse_unk": false)", R"("fuse_unk": false, "cache": 1)", "model.cache", "unknown key");
  refused(R"("padding": null)", R"("padding": null, "extra": 1)", "extra");
  refused(R"("version": "1.0")", R"("version": "2.0")", "version");
  for (std::string_view const type :
       {"Metaspace", "Whitespace", "BertPreTokenizer", "Split,", "Level", "plit", ","}) {
    refused(R"("pre_tokenizer": null)", message(R"("pre_tokenizer": {"type": ")", type, "\"}"),
            "pre_tokenizer.type", type);
  }
  refused(R"("pre_tokenizer": null)",
          R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits"}]})",
          "pre_tokenizer.pretokenizers[0].type", "Digits");
  refused(R"("pre_tokenizer": null)",
          R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "x+"}})",
          "pre_tokenizer.pattern.Regex", "x+");
  refused(R"("decoder": null)", R"("decoder": {"type": "Metaspace"})", "decoder.type");
  refused(R"("decoder": null)", R"("decoder": {"type": "Level"})", "decoder.type", "Level");
  refused(R"("decoder": null)", R"("decoder": {"type": "ByteLevel"})", "decoder", "does not fit");
  refused(R"("post_processor": null)", R"("post_processor": {"type": "BertProcessing"})",
          "post_processor.type");
  refused(R"("post_processor": null)", R"("post_processor": {"type": "Processing"})",
          "post_processor.type", "Processing");
  refused(R"("byte_fallback": false)", R"("byte_fallback": true)", "byte 0 is missing");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_refused_with_its_place) {
  auto const refused = [&](std::string_view part, std::string_view by, auto const&... says_this) {
    BOOST_CHECK_EXCEPTION((void)changed(part, by), FileError, refuses(says_this...));
  };
  refused(R"("?": 3)", R"("?": 7)", "model.vocab", "from 0 to 3", "got 7");
  refused(R"("?": 3)", R"("?": 5)", "got 5");
  refused(R"("?": 3)", R"("?": -1)", "got -1");
  refused(R"("?": 3)", R"("?": 2)", "the same id 2 as \"ab\"");
  refused(R"("?": 3)", R"("?": 99999999999)", "99999999999");
  refused(R"("?": 3)", R"("?": 3, "a": 4)", "\"a\"", "the same token twice");
  refused(R"("?": 3)", R"("": 3)", "1 to 65535 bytes");
  refused(R"("?": 3)", R"("\ud800": 3)", "surrogate");
  refused(R"("?": 3)", "\"\xC0\x80\": 3", "UTF-8");
  refused(R"("unk_token": "?")", R"("unk_token": "!")", "model.unk_token", "no token");
  refused(R"(["a", "b"])", R"(["a", "x"])", "model.merges[0]", "\"x\" is no token");
  refused(R"(["a", "b"])", R"(["b", "a"])", "model.merges[0]", "\"ba\" is no token");
  refused(R"(["a", "b"])", R"(["a", "b"], "a b")", "model.merges[1]", "twice");
  refused(R"(["a", "b"])", R"(["a"])", "model.merges[0]", "got 1");
  refused(R"(["a", "b"])", R"(["a", "b", "c"])", "model.merges[0]", "two tokens");
  refused(R"(["a", "b"])", R"("a b c")", "model.merges[0]", "one space");
  refused(R"(["a", "b"])", R"("ab")", "model.merges[0]", "one space");
  refused(R"("id": 4)", R"("id": 5)", "added_tokens[0]", "expected the id 4, got 5");
  refused(R"("content": "<s>")", R"("content": "")", "added_tokens[0].content");
  refused(R"("added_tokens": [)", R"("added_tokens": [{"id": 4, "content": "<s>"}, )",
          "added_tokens[1]", "\"<s>\" stands here twice");
  refused(R"("added_tokens": [)",
          R"("added_tokens": [{"id": 2, "content": "ab"}, {"id": 2, "content": "ab"}, )",
          "added_tokens[1]", "\"ab\" stands here twice");
  refused(R"("fuse_unk": false)", R"("fuse_unk": false, "fuse_unk": true)", "fuse_unk", "twice");
  refused(R"("fuse_unk": false)", R"("fuse_unk": 1)", "model.fuse_unk", "found a number");
  refused(R"("merges": [["a", "b"]])", R"("dropout2": 1)", "dropout2");
  refused(R"("post_processor": null)",
          R"("post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken":
             {"id": "<x>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
             "pair": [], "special_tokens": {"<x>": {"id": "<x>", "ids": [9], "tokens": ["<x>"]}}})",
          "post_processor", "9 is no token");
  std::string deep = R"("post_processor": {"type": "TemplateProcessing", "pair": )";
  deep += std::string(5000, '[');
  refused(R"("post_processor": null)", deep, "nested deeper than");
  std::string sequences = R"("pre_tokenizer": )";
  for (int i = 0; i < 100; ++i) sequences += R"({"type": "Sequence", "pretokenizers": [)";
  refused(R"("pre_tokenizer": null)", sequences, "a Sequence in a Sequence is not supported");
  BOOST_CHECK_EXCEPTION((void)parse(sample + "x"), FileError, refuses("the end of the text"));
  BOOST_CHECK_EXCEPTION((void)parse(sample.substr(0, sample.size() - 1)), FileError,
                        refuses("the end of the text"));
  BOOST_CHECK_EXCEPTION((void)parse("{}"), FileError, says("model is missing"));
}

BOOST_AUTO_TEST_CASE(a_byte_without_a_token_is_an_error_where_nothing_stands_for_the_unknown) {
  BOOST_CHECK_EXCEPTION((void)changed(R"("unk_token": "?")", R"("unk_token": null)").encode("ж"),
                        ValueError, says("<unk>"));
  BOOST_CHECK_EXCEPTION((void)parse(sample).encode("a\xFF", SpecialTokens::as_text, "x"), FileError,
                        says("x: offset 1"));
}

BOOST_AUTO_TEST_CASE(damaged_files_give_errors_or_tokenizers) {
  accrete_test::Mutants mutants(3);
  int refused = 0;
  std::vector<std::string> contents = {sample};
  for (std::string const name : {"llama3", "gpt2-unknown"}) {
    std::string small = read_file(golden / (name + ".json"), 1 << 20);
    contents.push_back(small);
  }
  for (int i = 0; i < accrete_test::mutant_count(); ++i) {
    try {
      Tokenizer const tokenizer = parse(
          mutants.mutate(contents[static_cast<std::size_t>(i % 10 == 0 ? 1 + i % 20 / 10 : 0)]));
      BOOST_TEST(tokenizer.vocabulary().size() > 0);
      (void)tokenizer.decode(tokenizer.encode("ab<s>a"));
    } catch (FileError const& error) {
      BOOST_TEST(error.path() == "t.json");
      ++refused;
    } catch (ValueError const&) {  // from encode: no token for a character
    }
  }
  BOOST_TEST(refused > 250);
}

BOOST_AUTO_TEST_SUITE_END()
