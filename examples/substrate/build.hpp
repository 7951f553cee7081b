/// accrete-substrate build and extend: from a font to a substrate file.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <accrete/substrate/equal_rows.hpp>
#include <accrete/substrate/glyph_extension.hpp>
#if defined(ACCRETE_SUBSTRATE_HAS_LAPACK)
#include <accrete/substrate/lapack_eigen_solver.hpp>
#endif

#include "../tokenize/load_tokenizer.hpp"
#include "arguments.hpp"
#include "tokens.hpp"

namespace substrate_program {

/// What a command that has written a substrate says.
inline void report_substrate(accrete::Substrate const& substrate, std::filesystem::path const& file,
                             double seconds, Font const& font, bool json) {
  auto const groups = equal_rows(substrate);
  if (json) {
    print(Json::object({{"file", file.string()},
                        {"fingerprint", substrate.fingerprint()},
                        {"vocabulary_size", substrate.vocabulary_size()},
                        {"width", substrate.width()},
                        {"groups_of_equal_rows", groups.size()},
                        {"seconds", seconds},
                        {"slowest_glyph", describe(font.slowest())}})
              .dump() +
          "\n");
    return;
  }
  print(accrete::message(file.string(), ": ", substrate.vocabulary_size(), " tokens of width ",
                         substrate.width(), ", ", groups.size(), " groups of equal rows, in ",
                         accrete::short_number(seconds, 1), " s (slowest glyph ",
                         accrete::short_number(font.slowest().seconds() * 1e3, 2),
                         " ms)\nfingerprint ", substrate.fingerprint(), "\n"));
}

[[nodiscard]] inline accrete::EigenSolver solver_of(std::string const& name) {
  if (name == "portable") return accrete::portable_eigen_solver();
#if defined(ACCRETE_SUBSTRATE_HAS_LAPACK)
  if (name == "lapack") return accrete::lapack_eigen_solver();
#else
  if (name == "lapack")
    throw accrete::ValueError("--solver lapack: this program was built without a LAPACK");
#endif
  throw options::error("--solver: expected portable or lapack, got " + name);
}

inline int run_build(Words const& words) {
  Settings settings;
  std::string vocabulary_name, recipe_name = "clean", kind = "pca", solver = "portable";
  std::filesystem::path ngrams, out;
  Index size = 32, width = 0;
  bool refuse_equal = false;
  options::options_description visible("Options");
  auto add = visible.add_options();
  add("vocabulary", options::value(&vocabulary_name)->required(),
      "bvv241-2-3, bvv241-max, or a file: a vocabulary, a tokenizer.json, a substrate");
  add("ngrams", path_value(ngrams), "folder of the published n-gram lists");
  add("recipe", options::value(&recipe_name)->default_value(recipe_name), "clean, bvv241");
  add("size", options::value(&size)->default_value(size), "of a picture, in pixels");
  add("width", options::value(&width)->default_value(0),
      "numbers a token, at most size * size; 0: as many");
  add("kind", options::value(&kind)->default_value(kind),
      "pca: principal components of the pictures; bits: the pictures themselves");
  add("solver", options::value(&solver)->default_value(solver),
      "of eigenvectors: portable (the same bits on every machine), lapack (fast, share the file)");
  add("refuse-equal", options::bool_switch(&refuse_equal), "where two tokens share a picture");
  add("out", path_value(out)->required(), "the file to write");
  settings.add_font(visible);
  settings.add_output(visible);
  if (!parse(words, "accrete-substrate build --vocabulary NAME|FILE --out FILE [options]", visible))
    return 0;
  settings.check();
  if (kind != "pca" && kind != "bits")
    throw options::error("--kind: expected pca or bits, got " + kind);

  auto const start = std::chrono::steady_clock::now();
  Vocabulary const vocabulary = load_tokenizer(vocabulary_name, ngrams).vocabulary();
  AnyRecipe const recipe(recipe_name, size, settings.missing_glyph());
  Font const font(settings.font);
  StageProgress progress(settings.quiet);
  accrete::GlyphSubstrateOptions const how{.threads = settings.threads,
                                           .refuse_equal_pictures = refuse_equal,
                                           .solver = solver_of(solver),
                                           .progress = progress.callback()};
  accrete::Substrate const substrate =
      kind == "bits"
          ? build_glyph_bits_substrate(vocabulary, font, recipe, how)
          : build_glyph_substrate(vocabulary, font, recipe, width == 0 ? size * size : width, how);
  progress.finish();
  substrate.save(out);
  std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
  report_substrate(substrate, out, time.count(), font, settings.json);
  return 0;
}

inline int run_extend(Words const& words) {
  Settings settings;
  std::filesystem::path file, list, out;
  std::vector<std::string> texts, specials;
  bool refuse_equal = false;
  options::options_description visible("Options"), hidden;
  auto add = visible.add_options();
  add("tokens", path_value(list), "file of new tokens: code points in hexadecimal, a token a line");
  add("add", options::value(&texts)->multitoken(), "new tokens as text");
  add("special", options::value(&specials)->multitoken(), "new special tokens");
  add("refuse-equal", options::bool_switch(&refuse_equal),
      "where a new token has the picture of another one");
  add("out", path_value(out)->required(), "the file to write");
  settings.add_font(visible);
  settings.add_output(visible);
  hidden.add_options()("substrate", path_value(file)->required());
  if (!parse(words, "accrete-substrate extend SUBSTRATE --add TOKEN... --out FILE [options]",
             visible, hidden, options::positional_options_description().add("substrate", 1)))
    return 0;
  settings.check();

  auto const start = std::chrono::steady_clock::now();
  accrete::Substrate const substrate = accrete::Substrate::load(file);
  std::vector<accrete::Token> tokens;
  if (!list.empty())
    for (ListedToken const& token : read_token_list(list))
      tokens.push_back({accrete::to_utf8(token.text)});
  for (std::string const& text : texts) tokens.push_back({text});
  for (std::string const& name : specials) tokens.push_back({name, accrete::TokenKind::special});
  if (tokens.empty())
    throw options::error("no new tokens: name them by --tokens, --add, --special");
  Font const font(settings.font);
  StageProgress progress(settings.quiet);
  accrete::Substrate const larger = extend_glyph_substrate(
      substrate, tokens, font, recipe_of(substrate, settings.missing_glyph()),
      {.threads = settings.threads,
       .refuse_equal_pictures = refuse_equal,
       .progress = progress.callback()});
  progress.finish();
  larger.save(out);
  std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
  report_substrate(larger, out, time.count(), font, settings.json);
  return 0;
}

}  // namespace substrate_program
