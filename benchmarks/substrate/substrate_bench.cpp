// Measures the way from a font to a substrate, stage by stage. One process makes one substrate, so that the greatest
// resident size is its own.
#include <boost/program_options.hpp>
#include <cstdio>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <accrete/glyphs.hpp>
#include <accrete/text/published_vocabulary.hpp>

#ifdef BENCH_WITH_LAPACK
#include <accrete/substrate/lapack_eigen_solver.hpp>
#endif

#include "../machine.hpp"

namespace {

using accrete::Index;
using accrete::Json;
using accrete::Vocabulary;
namespace options = boost::program_options;

struct Settings {
  std::string recipe, font, ngrams, solver, substrate, tokens;
  Index vocabulary = 0, width = 0, size = 0;
  int threads = 0;
};

/// All of the plane but surrogates and private places, and then groups of two to five neighbours in it.
Vocabulary made_up_vocabulary(Index size) {
  std::vector<accrete::Token> tokens;
  auto const last = static_cast<char32_t>(0xD800);
  for (Index id = 0; id < size; ++id) {
    auto const place = static_cast<char32_t>(id);
    if (place < last) {
      tokens.push_back({accrete::to_utf8(std::u32string(1, place))});
      continue;
    }
    std::u32string ngram;
    for (char32_t i = 0; i < 2 + place % 4; ++i)
      ngram += (0x21 + (place - last) / 4 * 7 + i) % last;
    tokens.push_back({accrete::to_utf8(ngram)});
  }
  return Vocabulary(tokens, {});
}

Vocabulary vocabulary_of(Settings const& settings) {
  if (settings.ngrams.empty()) return made_up_vocabulary(settings.vocabulary);
  std::filesystem::path const folder = settings.ngrams;
  if (settings.vocabulary == 65536) return accrete::build_bvv241_2_3(folder / "n-gramms-2-3.txt");
  return accrete::build_bvv241_max(folder / "n-gramms-2-3-4-5.txt",
                                   folder / "n-gramms-intersection.txt");
}

accrete::EigenSolver solver_of(Settings const& settings) {
  if (settings.solver == "portable") return accrete::portable_eigen_solver();
#ifdef BENCH_WITH_LAPACK
  if (settings.solver == "lapack") return accrete::lapack_eigen_solver();
#endif
  throw options::error("--solver: this program has no solver " + settings.solver);
}

/// One token a line, its code points in hexadecimal: what the peer in Python draws.
void write_tokens(Vocabulary const& vocabulary, std::string const& path) {
  std::ofstream file(path);
  file << std::hex << std::uppercase << std::setfill('0');
  for (accrete::TokenId id = 0; id < vocabulary.size(); ++id) {
    char const* separator = "";
    for (char32_t const code_point : accrete::drawn_token(vocabulary, id).text) {
      file << separator << std::setw(4) << static_cast<std::uint32_t>(code_point);
      separator = " ";
    }
    file << "\n";
  }
}

/// Seconds from stage to stage.
class Stages {
 public:
  void end(std::string_view stage) {
    double const now = bench::seconds_now();
    seconds_[std::string(stage)] = Json(now - std::exchange(begin_, now));
  }
  [[nodiscard]] Json const& seconds() const { return seconds_; }

 private:
  double begin_ = bench::seconds_now();
  Json seconds_ = Json::object();
};

template <class Recipe>
Json measure(Settings const& settings, Recipe const& recipe) {
  Vocabulary const vocabulary = vocabulary_of(settings);
  if (!settings.tokens.empty()) write_tokens(vocabulary, settings.tokens);
  double const begin = bench::seconds_now();
  Stages stages;
  accrete::GlyphSubstrateOptions build{.threads = settings.threads, .solver = solver_of(settings)};
  build.progress = [&](std::string_view stage, Index done, Index total) {
    if (done == total) stages.end(stage);
  };
  auto const build_with = [&](auto const& rasterizer) {
    stages.end("font");
    auto substrate =
        accrete::build_glyph_substrate(vocabulary, rasterizer, recipe, settings.width, build);
    stages.end("fingerprint");
    return substrate;
  };
  auto const substrate =
      settings.font.ends_with(".hex")
          ? build_with(accrete::HexRasterizer(accrete::HexFont::read(settings.font)))
          : build_with(accrete::FreeTypeRasterizer(settings.font));
  double const seconds = bench::seconds_now() - begin;
  if (!settings.substrate.empty()) substrate.save(settings.substrate);
  return Json::object({{"machine", accrete::processor_name()},
                       {"threads", settings.threads},
                       {"vocabulary", vocabulary.size()},
                       {"width", settings.width},
                       {"seconds", seconds},
                       {"stages", stages.seconds()},
                       {"vm_hwm_mib", accrete::peak_memory_mib()},
                       {"fingerprint", substrate.fingerprint()},
                       {"provenance", substrate.provenance()}});
}

int run(int argument_count, char** arguments) {
  Settings settings;
  options::options_description description(
      "accrete-bench-substrate: time and memory from a font to a substrate");
  auto add = description.add_options();
  add("help", "this text");
  add("vocabulary", options::value(&settings.vocabulary)->default_value(65536),
      "tokens: 65536, 131072");
  add("ngrams", options::value(&settings.ngrams),
      "folder of the published n-gram lists; else n-grams are made up");
  add("size", options::value(&settings.size)->default_value(32), "pixels of a cell");
  add("width", options::value(&settings.width), "components; all of them if left out");
  add("recipe", options::value(&settings.recipe)->default_value("bvv241"), "bvv241 or clean");
  add("font",
      options::value(&settings.font)
          ->default_value("/usr/share/fonts/opentype/unifont/unifont.otf"),
      "a font file, or Unifont's .hex");
  add("solver", options::value(&settings.solver)->default_value("portable"), "portable or lapack");
  add("threads", options::value(&settings.threads)->default_value(2), "threads");
  add("save", options::value(&settings.substrate), "where the substrate goes; else it is dropped");
  add("write-tokens", options::value(&settings.tokens),
      "where the tokens go, for peers/substrate_peer.py");
  options::variables_map values;
  options::store(options::parse_command_line(argument_count, arguments, description), values);
  options::notify(values);
  if (values.count("help") != 0) {
    std::cout << description;
    return 0;
  }
  if (settings.vocabulary != 65536 && settings.vocabulary != 131072)
    throw options::error("--vocabulary must be 65536 or 131072");
  if (settings.width == 0) settings.width = settings.size * settings.size;
  Json const result = settings.recipe == "clean"
                          ? measure(settings, accrete::CleanRecipe{.cell_size = settings.size})
                          : measure(settings, accrete::Bvv241Recipe(settings.size));
  std::cout << result.dump(2) << "\n";
  return 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    return run(argument_count, arguments);
  } catch (options::error const& error) {
    std::fprintf(stderr, "accrete-bench-substrate: %s; see --help\n", error.what());
    return 2;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "accrete-bench-substrate: %s\n", error.what());
    return 1;
  }
}
