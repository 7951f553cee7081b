/// The child's side of the sandbox: opens a font and answers until its parent is gone.
#pragma once

#include <sys/resource.h>

#include <new>

#include "font.hpp"

namespace substrate_program {

/// Sets the limits of this process.
inline void limit_this_process(SandboxLimits const& limits) {
  auto const bytes = static_cast<rlim_t>(limits.memory) << 20;
  rlimit const memory{bytes, bytes}, no_core{0, 0};
  setrlimit(RLIMIT_AS, &memory);
  setrlimit(RLIMIT_CORE, &no_core);
}

inline std::string answer_of(std::optional<Glyph> const& glyph) {
  if (!glyph) return "n";
  auto const number = [](Index value) { return static_cast<std::int32_t>(value); };
  SentGlyph const sent{number(glyph->left), number(glyph->top), number(glyph->advance),
                       number(glyph->ink.width()), number(glyph->ink.height())};
  std::string answer = "g";
  answer.append(reinterpret_cast<char const*>(&sent), sizeof(sent));
  auto const pixels = glyph->ink.pixels();
  answer.append(pixels.begin(), pixels.end());
  return answer;
}

/// Serves at the socket that is standard input. Each answer has to come within the limit, or a signal
/// ends the process, even where nobody waits any more.
inline int serve_glyphs(FontChoice choice) {
  choice.sandboxed = false;
  limit_this_process(choice.limits);
  auto const limit = static_cast<unsigned>(std::ceil(choice.limits.seconds)) + 1;
  std::optional<Font> font;
  for (GlyphRequest request;
       receive_all(STDIN_FILENO, std::as_writable_bytes(std::span(&request, 1)));) {
    alarm(limit);
    std::string answer;
    try {
      if (!font) font.emplace(choice);
      if (request.kind == 'd') answer = "j" + font->describe().dump();
      if (request.kind == 'f') answer = answer_of(font->find(request.code_point, request.size));
      if (request.kind == 'm') answer = answer_of(font->missing(request.size));
    } catch (accrete::ValueError const& error) {
      answer = std::string("v") + error.what();
    } catch (std::bad_alloc const&) {
      answer = "e" + choice.path.string() + ": the font needs more than " +
               std::to_string(choice.limits.memory) + " MiB, the limit of the sandbox";
    } catch (std::exception const& error) {
      answer = std::string("e") + error.what();
    }
    auto const length = static_cast<std::uint32_t>(answer.size());
    if (!send_all(STDIN_FILENO, std::as_bytes(std::span(&length, 1))) ||
        !send_all(STDIN_FILENO, std::as_bytes(std::span(answer))))
      return 0;
    alarm(0);
  }
  return 0;
}

}  // namespace substrate_program
