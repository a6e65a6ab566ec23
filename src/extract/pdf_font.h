// How a font of a PDF file says which characters its codes are (ISO 32000-2 §9.6-9.10), and how wide.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "extract/pdf_object.h"

namespace pabal::extract {

class PdfFont {
 public:
  PdfFont(const PdfFile& file, const PdfObject& dict);
  struct Shown {
    std::string text;
    double width = 0;  // thousandths of the size, of all of it
    size_t codes = 0, blanks = 0;
  };
  Shown show(std::string_view octets) const;

 private:
  void read_cmap(std::string_view cmap);
  void read_differences(const PdfFile& file, const PdfObject& encoding);
  void read_widths(const PdfFile& file, const PdfObject& dict);
  std::string character(uint32_t code) const;

  bool composite_ = false;  // codes of two octets
  bool utf16_ = false;      // they are UTF-16
  bool mac_ = false;        // MacRomanEncoding
  std::unordered_map<uint32_t, std::string> known_;
  std::unordered_map<uint32_t, double> widths_;
  double usual_width_ = 500;
};

// The character of a glyph's name (Adobe Glyph List, as far as Latin text has it); 0: another.
uint32_t character_of_glyph(std::string_view name);

}  // namespace pabal::extract
