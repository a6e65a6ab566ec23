// Objects of PDF files (ISO 32000-2 §7). The table of cross-references is not looked at: all objects are found by their
// beginning "n g obj", as readers do that repair files, and the last of a number counts.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "extract/inflate.h"

namespace pabal::extract {

constexpr size_t kMaxObjects = 500'000;
constexpr int kMaxDepth = 40;  // of objects within objects, and of pages and forms

struct PdfObject {
  enum class Type : uint8_t { kNull, kNumber, kString, kName, kArray, kDict, kReference, kOperator } type = Type::kNull;
  double number = 0;                 // of a number; of a reference the object's
  std::string text{};                // of strings the octets, of names and operators the name
  std::vector<PdfObject> items{};    // of an array; of a dictionary the values
  std::vector<std::string> names{};  // of a dictionary
  size_t data = 0;                   // of a dictionary: where its stream begins, 0: none

  bool is(Type t) const { return type == t; }
  bool is_name(std::string_view name) const { return type == Type::kName && text == name; }
  const PdfObject* get(std::string_view name) const;  // of a dictionary, as it stands there
};

// Reads objects and operators one after the other.
class PdfReader {
 public:
  explicit PdfReader(std::string_view in, size_t at = 0) : in_(in), at_(at) {}
  // Nothing: the end. `references`: "1 0 R" is one; content streams have none.
  std::optional<PdfObject> next(bool references, int depth = 0);
  size_t at() const { return at_; }
  void move_to(size_t at) { at_ = at; }
  void skip_blanks();  // and comments

 private:
  PdfObject string();
  PdfObject hex_string();
  PdfObject name();
  PdfObject number_or_reference(bool references);
  PdfObject list(bool references, int depth, bool dict);

  std::string_view in_;
  size_t at_;
};

class PdfFile {
 public:
  explicit PdfFile(std::string_view in);
  bool encrypted() const { return encrypted_; }
  // What a reference leads to; another object is given back. kNull: there is none.
  PdfObject resolve(const PdfObject& object) const;
  PdfObject at(const PdfObject& dict, std::string_view name) const;  // resolved
  std::string stream(const PdfObject& dict) const;  // unpacked; "": none, or of a filter that texts do not use
  const std::vector<PdfObject>& pages() const { return pages_; }  // in order; with what they inherit of Resources

 private:
  void find_objects();
  void find_packed();
  void find_pages();
  void walk(const PdfObject& node, const PdfObject* resources, std::set<uint32_t>& seen, int depth);
  PdfObject read(uint32_t number) const;

  struct Place {
    bool packed = false;
    size_t at = 0;  // in the file, or in packed_[n]
    size_t n = 0;
  };
  std::string_view in_;
  bool encrypted_ = false;
  std::unordered_map<uint32_t, Place> places_;
  std::vector<std::string> packed_;  // unpacked streams of objects
  std::vector<PdfObject> pages_;
  mutable Budget budget_;
};

}  // namespace pabal::extract
