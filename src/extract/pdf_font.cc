#include "extract/pdf_font.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "extract/text.h"

namespace pabal::extract {
namespace {

using Type = PdfObject::Type;

constexpr size_t kMaxCodes = 1 << 17;  // of one font

struct Glyph {
  std::string_view name;
  uint16_t character;
};
constexpr Glyph kPunctuation[] = {{"space", ' '},
                                  {"exclam", '!'},
                                  {"quotedbl", '"'},
                                  {"numbersign", '#'},
                                  {"dollar", '$'},
                                  {"percent", '%'},
                                  {"ampersand", '&'},
                                  {"quotesingle", '\''},
                                  {"parenleft", '('},
                                  {"parenright", ')'},
                                  {"asterisk", '*'},
                                  {"plus", '+'},
                                  {"comma", ','},
                                  {"hyphen", '-'},
                                  {"period", '.'},
                                  {"slash", '/'},
                                  {"zero", '0'},
                                  {"one", '1'},
                                  {"two", '2'},
                                  {"three", '3'},
                                  {"four", '4'},
                                  {"five", '5'},
                                  {"six", '6'},
                                  {"seven", '7'},
                                  {"eight", '8'},
                                  {"nine", '9'},
                                  {"colon", ':'},
                                  {"semicolon", ';'},
                                  {"less", '<'},
                                  {"equal", '='},
                                  {"greater", '>'},
                                  {"question", '?'},
                                  {"at", '@'},
                                  {"underscore", '_'},
                                  {"quoteleft", 0x2018},
                                  {"quoteright", 0x2019},
                                  {"quotedblleft", 0x201C},
                                  {"quotedblright", 0x201D},
                                  {"endash", 0x2013},
                                  {"emdash", 0x2014},
                                  {"bullet", 0x2022},
                                  {"ellipsis", 0x2026},
                                  {"Euro", 0x20AC},
                                  {"fi", 0xFB01},
                                  {"fl", 0xFB02},
                                  {"ff", 0xFB00},
                                  {"ffi", 0xFB03},
                                  {"ffl", 0xFB04},
                                  {"nbspace", 0xA0},
                                  {"germandbls", 0xDF},
                                  {"ae", 0xE6},
                                  {"AE", 0xC6},
                                  {"oe", 0x153},
                                  {"OE", 0x152},
                                  {"oslash", 0xF8},
                                  {"Oslash", 0xD8},
                                  {"eth", 0xF0},
                                  {"thorn", 0xFE},
                                  {"dotlessi", 0x131},
                                  {"lslash", 0x142},
                                  {"Lslash", 0x141},
                                  {"section", 0xA7},
                                  {"degree", 0xB0},
                                  {"minus", 0x2212}};

// Letters with accents are named by both: eacute. A combining accent behind the letter is as good for the index.
constexpr Glyph kAccents[] = {{"grave", 0x300},    {"acute", 0x301},   {"circumflex", 0x302}, {"tilde", 0x303},
                              {"macron", 0x304},   {"breve", 0x306},   {"dieresis", 0x308},   {"ring", 0x30A},
                              {"caron", 0x30C},    {"cedilla", 0x327}, {"ogonek", 0x328},     {"hungarumlaut", 0x30B},
                              {"dotaccent", 0x307}};

// Mac OS Roman (Annex D), the letters of its upper half from 0x80; 0: no letter.
constexpr uint16_t kMacRoman[] = {0xC4, 0xC5, 0xC7, 0xC9, 0xD1, 0xD6, 0xDC, 0xE1, 0xE0, 0xE2, 0xE4,
                                  0xE3, 0xE5, 0xE7, 0xE9, 0xE8, 0xEA, 0xEB, 0xED, 0xEC, 0xEE, 0xEF,
                                  0xF1, 0xF3, 0xF2, 0xF4, 0xF6, 0xF5, 0xFA, 0xF9, 0xFB, 0xFC};

uint32_t number_of(std::string_view octets) {
  uint32_t out = 0;
  for (const char c : octets.substr(0, 4)) out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

}  // namespace

uint32_t character_of_glyph(std::string_view name) {
  name = name.substr(0, name.find('.'));  // a.alt
  if (name.size() == 1 && text::is_alpha(name[0])) return static_cast<unsigned char>(name[0]);
  for (const Glyph& known : kPunctuation)
    if (known.name == name) return known.character;
  const bool uni = name.starts_with("uni") && name.size() >= 7, u = name.starts_with('u') && name.size() >= 5;
  if (!uni && !u) return 0;
  const std::string_view digits = uni ? name.substr(3, 4) : name.substr(1, 6);
  uint32_t c = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), c, 16);
  return parsed.ptr == digits.data() + digits.size() ? c : 0;
}

PdfFont::PdfFont(const PdfFile& file, const PdfObject& dict) {
  composite_ = file.at(dict, "Subtype").is_name("Type0");
  const PdfObject encoding = file.at(dict, "Encoding");
  if (composite_) {
    // "UniKS-UTF16-H" and its like say it of themselves.
    utf16_ = encoding.is(Type::kName) && encoding.text.starts_with("Uni") &&
             (encoding.text.find("UTF16") != std::string::npos || encoding.text.find("UCS2") != std::string::npos);
  } else if (encoding.is(Type::kDict)) {
    mac_ = file.at(encoding, "BaseEncoding").is_name("MacRomanEncoding");
    read_differences(file, encoding);
  } else {
    mac_ = encoding.is_name("MacRomanEncoding");
  }
  read_widths(file, dict);
  if (const PdfObject to_unicode = file.at(dict, "ToUnicode"); to_unicode.is(Type::kDict))
    read_cmap(file.stream(to_unicode));
}

void PdfFont::read_differences(const PdfFile& file, const PdfObject& encoding) {
  const PdfObject differences = file.at(encoding, "Differences");
  uint32_t code = 0;
  for (const PdfObject& one : differences.items) {
    if (one.is(Type::kNumber)) code = static_cast<uint32_t>(std::clamp(one.number, 0.0, 255.0));
    if (!one.is(Type::kName)) continue;
    std::string text;
    if (const uint32_t c = character_of_glyph(one.text)) {
      put_utf8(text, c);
    } else if (one.text.size() > 1 && text::is_alpha(one.text[0])) {
      for (const Glyph& accent : kAccents)
        if (accent.name == std::string_view(one.text).substr(1)) {
          text = one.text.substr(0, 1);
          put_utf8(text, accent.character);
        }
    }
    if (code < 256) known_[code++] = std::move(text);
  }
}

void PdfFont::read_widths(const PdfFile& file, const PdfObject& dict) {
  const auto put = [&](double code, double width) {
    if (code >= 0 && code < 65'536 && widths_.size() < kMaxCodes) widths_[static_cast<uint32_t>(code)] = width;
  };
  if (!composite_) {
    const PdfObject widths = file.at(dict, "Widths");
    double code = file.at(dict, "FirstChar").number;
    for (const PdfObject& one : widths.items) put(code++, file.resolve(one).number);
    return;
  }
  const PdfObject below = file.at(dict, "DescendantFonts");
  if (below.items.empty()) return;
  const PdfObject font = file.resolve(below.items.front());
  const PdfObject usual = file.at(font, "DW"), list = file.at(font, "W");
  usual_width_ = usual.is(Type::kNumber) ? usual.number : 1000;
  for (size_t i = 0; i + 1 < list.items.size();) {  // first [w w ...], or first last w
    double code = file.resolve(list.items[i]).number;
    const PdfObject second = file.resolve(list.items[i + 1]);
    if (second.is(Type::kArray)) {
      for (const PdfObject& one : second.items) put(code++, file.resolve(one).number);
      i += 2;
    } else if (i + 2 < list.items.size()) {
      const double width = file.resolve(list.items[i + 2]).number;
      for (const double last = std::min(second.number, 65'535.0); code <= last; ++code) put(code, width);
      i += 3;
    } else {
      return;
    }
  }
}

// ToUnicode (§9.10.3): codes, or ranges of them, and what they are in UTF-16.
void PdfFont::read_cmap(std::string_view cmap) {
  PdfReader reader(cmap);
  std::vector<PdfObject> operands;
  bool told = false;
  const auto put = [&](uint32_t code, std::string text) {
    if (known_.size() < kMaxCodes) known_[code] = std::move(text);
  };
  while (auto one = reader.next(false)) {
    if (!one->is(Type::kOperator)) {
      if (operands.size() < 100'000) operands.push_back(std::move(*one));
      continue;
    }
    if (one->text == "endcodespacerange" && !operands.empty() && !told) {
      composite_ = operands.front().text.size() > 1;
      told = true;
    } else if (one->text == "endbfchar") {
      for (size_t i = 0; i + 1 < operands.size(); i += 2)
        put(number_of(operands[i].text), utf8_of_utf16(operands[i + 1].text));
    } else if (one->text == "endbfrange") {
      for (size_t i = 0; i + 2 < operands.size(); i += 3) {
        const uint32_t first = number_of(operands[i].text), last = number_of(operands[i + 1].text);
        if (last < first || last - first > 0xFFFF) continue;
        if (operands[i + 2].is(Type::kArray)) {
          for (uint32_t n = 0; n <= last - first && n < operands[i + 2].items.size(); ++n)
            put(first + n, utf8_of_utf16(operands[i + 2].items[n].text));
          continue;
        }
        std::string to = operands[i + 2].text;
        if (to.size() < 2) continue;
        const uint32_t unit = number_of(std::string_view(to).substr(to.size() - 2));
        for (uint32_t n = 0; n <= last - first && known_.size() < kMaxCodes; ++n) {
          to[to.size() - 2] = static_cast<char>((unit + n) >> 8 & 0xFF);
          to[to.size() - 1] = static_cast<char>((unit + n) & 0xFF);
          put(first + n, utf8_of_utf16(to));
        }
      }
    }
    operands.clear();
  }
}

std::string PdfFont::character(uint32_t code) const {
  if (const auto known = known_.find(code); known != known_.end()) return known->second;
  std::string out;
  if (utf16_)
    put_utf8(out, code);
  else if (!composite_ && mac_ && code >= 0x80)
    put_utf8(out, code < 0xA0 ? kMacRoman[code - 0x80] : 0);
  else if (!composite_)
    put_utf8(out, windows_1252(static_cast<uint8_t>(code)));
  return out;
}

PdfFont::Shown PdfFont::show(std::string_view octets) const {
  Shown out;
  const size_t step = composite_ ? 2 : 1;
  for (size_t i = 0; i + step <= octets.size(); i += step) {
    const uint32_t code = number_of(octets.substr(i, step));
    const auto width = widths_.find(code);
    out.text += character(code);
    out.width += width == widths_.end() ? usual_width_ : width->second;
    out.blanks += step == 1 && code == ' ';
    ++out.codes;
  }
  return out;
}

}  // namespace pabal::extract
