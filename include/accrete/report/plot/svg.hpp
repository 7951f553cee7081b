/// Writes SVG elements into a string. Coordinates are in pixels, y grows downwards.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <accrete/core/macros.hpp>
#include <accrete/report/markup.hpp>
#include <accrete/report/plot/palette.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace plot {

enum class Anchor { start, middle, end };

struct TextStyle {
  Role role = Role::ink;
  double size = 12;
  Anchor anchor = Anchor::start;
  bool bold = false;
  bool halo = false;  ///< a rim in the colour of the paper, for text that stands over data
};

/// One picture. Colours are given by role, so that the same picture suits light and dark pages.
class Svg {
 public:
  /// `title` is what a screen reader says.
  Svg(double width, double height, std::string_view title);

  void line(double x1, double y1, double x2, double y2, Role role, double width = 1,
            std::string_view dashes = {});
  void rectangle(double x, double y, double width, double height, Role role,
                 std::string_view tooltip = {}, double corner = 0);
  void circle(double x, double y, double radius, Role role, bool rimmed = false,
              std::string_view tooltip = {});
  void text(double x, double y, std::string_view words, TextStyle const& style = {});
  /// `data` is the path's `d` attribute.
  void stroke_path(std::string_view data, Role role, double width, double opacity = 1);
  void fill_path(std::string_view data, Role role, std::string_view tooltip = {});
  /// What is drawn between these two is cut off at the rectangle's edges.
  void begin_clip(double left, double top, double right, double bottom);
  void end_clip() { out_ += "</svg>\n"; }

  /// The whole document.
  [[nodiscard]] std::string finish() &&;

 private:
  void attribute(std::string_view name, double value);
  void close(std::string_view element, std::string_view tooltip);

  std::string out_;
};

inline Svg::Svg(double width, double height, std::string_view title) {
  constexpr double margin =
      10;  // what is drawn at 0 or at `width` keeps its distance from the picture's edge
  std::string const w = short_number(width + 2 * margin);
  std::string const h = short_number(height + 2 * margin);
  std::string const origin = short_number(-margin);
  out_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"accrete-plot\" role=\"img\" width=\"" +
         w + "\" height=\"" + h + "\" viewBox=\"" + origin + ' ' + origin + ' ' + w + ' ' + h +
         "\" aria-label=\"" + escape_markup(title) + "\" font-family=\"" +
         std::string(font_family) + "\">\n" + dark_style() + "\n";
  rectangle(-margin, -margin, width + 2 * margin, height + 2 * margin, Role::paper);
}

inline void Svg::attribute(std::string_view name, double value) {
  out_ += ' ';
  out_ += name;
  out_ += "=\"" + short_number(value) + '"';
}

inline void Svg::close(std::string_view element, std::string_view tooltip) {
  if (tooltip.empty()) {
    out_ += "/>\n";
    return;
  }
  out_ += "><title>" + escape_markup(tooltip) + "</title></";
  out_ += element;
  out_ += ">\n";
}

inline void Svg::line(double x1, double y1, double x2, double y2, Role role, double width,
                      std::string_view dashes) {
  out_ += "<line";
  attribute("x1", x1);
  attribute("y1", y1);
  attribute("x2", x2);
  attribute("y2", y2);
  attribute("stroke-width", width);
  out_ += paint({}, role);
  if (!dashes.empty()) out_ += " stroke-dasharray=\"" + std::string(dashes) + '"';
  close("line", {});
}

inline void Svg::rectangle(double x, double y, double width, double height, Role role,
                           std::string_view tooltip, double corner) {
  out_ += "<rect";
  attribute("x", x);
  attribute("y", y);
  attribute("width", width);
  attribute("height", height);
  if (corner > 0) attribute("rx", corner);
  out_ += paint(role);
  close("rect", tooltip);
}

inline void Svg::circle(double x, double y, double radius, Role role, bool rimmed,
                        std::string_view tooltip) {
  out_ += "<circle";
  attribute("cx", x);
  attribute("cy", y);
  attribute("r", radius);
  out_ += rimmed ? paint(role, Role::paper) + " stroke-width=\"1.5\"" : paint(role);
  close("circle", tooltip);
}

inline void Svg::text(double x, double y, std::string_view words, TextStyle const& style) {
  out_ += "<text";
  attribute("x", x);
  attribute("y", y);
  attribute("font-size", style.size);
  out_ += style.halo ? paint(style.role, Role::paper) +
                           " stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
                     : paint(style.role);
  if (style.bold) out_ += " font-weight=\"600\"";
  if (style.anchor == Anchor::middle) out_ += " text-anchor=\"middle\"";
  if (style.anchor == Anchor::end) out_ += " text-anchor=\"end\"";
  out_ += '>' + escape_markup(words) + "</text>\n";
}

inline void Svg::stroke_path(std::string_view data, Role role, double width, double opacity) {
  out_ += "<path fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\"";
  attribute("stroke-width", width);
  if (opacity < 1) attribute("stroke-opacity", opacity);
  out_ += paint({}, role) + " d=\"";
  out_ += data;
  out_ += "\"/>\n";
}

inline void Svg::fill_path(std::string_view data, Role role, std::string_view tooltip) {
  out_ += "<path" + paint(role) + " d=\"";
  out_ += data;
  out_ += '"';
  close("path", tooltip);
}

inline void Svg::begin_clip(double left, double top, double right, double bottom) {
  // A nested svg element clips without an id, so that many pictures can stand in one page.
  out_ += "<svg";
  attribute("x", left);
  attribute("y", top);
  attribute("width", right - left);
  attribute("height", bottom - top);
  out_ += " viewBox=\"" + short_number(left) + ' ' + short_number(top) + ' ' +
          short_number(right - left) + ' ' + short_number(bottom - top) + "\">\n";
}

inline std::string Svg::finish() && {
  out_ += "</svg>\n";
  return std::move(out_);
}

}  // namespace plot
ACCRETE_END_NAMESPACE
