/// Substrates out of fonts: all of substrate/, and FreeType. Needs libfreetype.
#pragma once

#include <accrete/substrate/glyph/bvv241_recipe.hpp>
#include <accrete/substrate/glyph/clean_recipe.hpp>
#include <accrete/substrate/glyph/freetype_rasterizer.hpp>
#include <accrete/substrate/glyph/hex_rasterizer.hpp>
#include <accrete/substrate/glyph_extension.hpp>
#include <accrete/substrate/glyph_substrate.hpp>
#include <accrete/substrate/substrate.hpp>
