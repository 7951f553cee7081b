/// The colours and the typeface of all pictures, for light and for dark pages.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace plot {

/// What a colour is for. The eight series colours stay apart under the common kinds of colour blindness.
enum class Role {
  paper,
  ink,
  soft,
  axis,
  grid,
  blue,
  orange,
  green,
  plum,
  ochre,
  sky,
  grey,
  brown
};

inline constexpr Index series_color_count = 8;

/// The colour of the i-th series; they repeat after eight.
[[nodiscard]] constexpr Role series_role(Index i) {
  return static_cast<Role>(static_cast<Index>(Role::blue) + i % series_color_count);
}

inline constexpr std::string_view font_family =
    "system-ui,-apple-system,&quot;Segoe UI&quot;,Roboto,&quot;Noto Sans&quot;,&quot;Helvetica "
    "Neue&quot;,"
    "&quot;Noto Sans CJK SC&quot;,&quot;PingFang SC&quot;,&quot;Microsoft YaHei&quot;,sans-serif";

struct Shade {
  std::string_view light, dark;
};

inline constexpr std::array<Shade, 13> shades{{
    {"#ffffff", "#14171c"},  // paper
    {"#1d232b", "#e8eaed"},  // ink
    {"#66707c", "#9aa3ae"},  // soft
    {"#aeb6bf", "#4a525c"},  // axis
    {"#e9ecef", "#272c33"},  // grid
    {"#2d55b1", "#4b8df8"},  // blue
    {"#f58207", "#e5521a"},  // orange
    {"#4fb493", "#77cda4"},  // green
    {"#8f025e", "#b861b0"},  // plum
    {"#9e6f00", "#ffb81f"},  // ochre
    {"#2992c6", "#3fb0dd"},  // sky
    {"#696d74", "#d2d8df"},  // grey
    {"#6a4000", "#c3905f"},  // brown
}};

[[nodiscard]] constexpr Shade shade_of(Role role) {
  return shades[static_cast<std::size_t>(role)];
}

/// The attributes that paint an element: the light shade stands in the element, `dark_style()` overrides it by class.
[[nodiscard]] inline std::string paint(std::optional<Role> fill, std::optional<Role> stroke = {}) {
  std::string classes;
  std::string colors;
  if (fill) {
    classes += 'f' + std::to_string(static_cast<int>(*fill));
    colors += " fill=\"" + std::string(shade_of(*fill).light) + '"';
  }
  if (stroke) {
    if (fill) classes += ' ';
    classes += 's' + std::to_string(static_cast<int>(*stroke));
    colors += " stroke=\"" + std::string(shade_of(*stroke).light) + '"';
  }
  return " class=\"" + classes + '"' + colors;
}

/// A style element that changes to the dark shades where the reader's screen asks for them; paper stays light.
[[nodiscard]] inline std::string dark_style() {
  std::string rules;
  for (std::size_t i = 0; i < shades.size(); ++i) {
    std::string const number = std::to_string(i);
    std::string const color(shades[i].dark);
    rules += ".accrete-plot .f" + number + "{fill:" + color + "}.accrete-plot .s" + number +
             "{stroke:" + color + '}';
  }
  return "<style>@media screen and (prefers-color-scheme:dark){" + rules + "}</style>";
}

}  // namespace plot
ACCRETE_END_NAMESPACE
