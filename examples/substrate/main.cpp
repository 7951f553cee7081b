// Substrates: build them out of fonts, look at them, ask them, extend them.
#include <accrete/accrete.hpp>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>

#include "arguments.hpp"
#include "ask.hpp"
#include "atlas.hpp"
#include "bits.hpp"
#include "build.hpp"
#include "serve_glyphs.hpp"

namespace {

using namespace substrate_program;

constexpr std::string_view usage =
    "accrete-substrate COMMAND [options]; each command has a --help of its own\n\n"
    "build     draws a vocabulary with a font and writes a substrate\n"
    "bits      prints the bits of tokens' pictures\n"
    "inspect   counts, tokens that look the same, fingerprint, ancestors, provenance\n"
    "atlas     writes pictures: glyphs before and after the recipe, the table, the spectrum\n"
    "nearest   lists the tokens whose pictures are nearest to a token's\n"
    "compare   says what differs between two substrates\n"
    "extend    adds tokens to a finished substrate, whose ids and rows stay\n";

/// What the sandbox starts this program with.
int run_serve_glyphs(Words const& words) {
  Settings settings;
  options::options_description visible;
  settings.add_font(visible);
  settings.add_output(visible);
  if (!parse(words, "accrete-substrate serve-glyphs", visible)) return 0;
  settings.check();
  return serve_glyphs(settings.font);
}

int run(std::string const& command, Words const& words) {
  if (command == "build") return run_build(words);
  if (command == "bits") return run_bits(words);
  if (command == "inspect") return run_inspect(words);
  if (command == "atlas") return run_atlas(words);
  if (command == "nearest") return run_nearest(words);
  if (command == "compare") return run_compare(words);
  if (command == "extend") return run_extend(words);
  if (command == "serve-glyphs") return run_serve_glyphs(words);
  if (command != "--help" && command != "help")
    throw options::error(command.empty() ? "a command is missing" : "unknown command " + command);
  print(std::string(usage));
  return 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    return run(argument_count > 1 ? arguments[1] : "",
               Words(arguments + std::min(argument_count, 2), arguments + argument_count));
  } catch (options::error const& error) {
    std::fprintf(stderr, "accrete-substrate: %s; see --help\n", error.what());
    return 2;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "accrete-substrate: %s\n", error.what());
    return 1;
  }
}
