// The text of PDF pages: the operators of content streams that show text (ISO 32000-2 §9.4), and where they show it, as
// far as to tell words and lines apart.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>

#include "extract/pdf_font.h"
#include "extract/text.h"

namespace pabal::extract {
namespace {

using Type = PdfObject::Type;

constexpr size_t kMaxOperands = 512;
constexpr size_t kMaxForms = 5'000;         // drawn, of one file
constexpr size_t kMaxStates = 200;          // within one another
constexpr double kGap = 0.18, kLine = 0.4;  // of the size: what parts words, and lines

// x' = ax + cy + e, y' = bx + dy + f
using Matrix = std::array<double, 6>;
constexpr Matrix kUnit = {1, 0, 0, 1, 0, 0};
Matrix times(const Matrix& m, const Matrix& n) {  // first m, then n
  return {m[0] * n[0] + m[1] * n[2], m[0] * n[1] + m[1] * n[3],        m[2] * n[0] + m[3] * n[2],
          m[2] * n[1] + m[3] * n[3], m[4] * n[0] + m[5] * n[2] + n[4], m[4] * n[1] + m[5] * n[3] + n[5]};
}

class Reader {
 public:
  Reader(const PdfFile& file, Text& out) : file_(file), out_(out) {}

  void page(const PdfObject& page) {
    const PdfObject contents = file_.at(page, "Contents");
    std::string all;
    if (contents.is(Type::kArray))
      for (const PdfObject& one : contents.items) all += file_.stream(file_.resolve(one)) + "\n";
    else
      all = file_.stream(contents);
    state_ = {};
    states_.clear();
    content(all, file_.at(page, "Resources"), 0);
    out_.part('\n');
    at_ = {};
  }

 private:
  struct State {
    Matrix place = kUnit;
    std::shared_ptr<const PdfFont> font{};
    double size = 1, leading = 0, character_gap = 0, word_gap = 0, scale = 1;
  };
  struct At {
    double x = 0, y = 0;
    bool known = false;
  };

  void content(std::string_view in, const PdfObject& resources, int depth) {
    PdfReader reader(in);
    std::vector<PdfObject> operands;
    while (!out_.full()) {
      auto one = reader.next(false);
      if (!one) return;
      if (!one->is(Type::kOperator)) {
        if (operands.size() < kMaxOperands) operands.push_back(std::move(*one));
        continue;
      }
      if (one->text == "ID")  // an image that stands in the stream
        reader.move_to(std::min(in.find("EI", reader.at()), in.size() - std::min<size_t>(in.size(), 2)) + 2);
      else
        run(one->text, operands, resources, depth);
      operands.clear();
    }
  }

  void run(const std::string& op, const std::vector<PdfObject>& operands, const PdfObject& resources, int depth) {
    const auto number = [&](size_t i) { return i < operands.size() ? operands[i].number : 0; };
    const auto matrix = [&]() -> Matrix { return {number(0), number(1), number(2), number(3), number(4), number(5)}; };
    if (op == "q") {
      if (states_.size() < kMaxStates) states_.push_back(state_);
    } else if (op == "Q") {
      if (states_.empty()) return;
      state_ = std::move(states_.back());
      states_.pop_back();
    } else if (op == "cm") {
      state_.place = times(matrix(), state_.place);
    } else if (op == "BT") {
      line_ = text_ = kUnit;
    } else if (op == "Tf" && !operands.empty()) {
      state_.font = font(resources, operands[0].text);
      state_.size = number(1);
    } else if (op == "Tc") {
      state_.character_gap = number(0);
    } else if (op == "Tw") {
      state_.word_gap = number(0);
    } else if (op == "Tz") {
      state_.scale = number(0) / 100;
    } else if (op == "TL") {
      state_.leading = number(0);
    } else if (op == "Td" || op == "TD") {
      if (op == "TD") state_.leading = -number(1);
      move(number(0), number(1));
    } else if (op == "T*") {
      move(0, -state_.leading);
    } else if (op == "Tm") {
      line_ = text_ = matrix();
    } else if (op == "Tj" && !operands.empty()) {
      show(operands[0].text);
    } else if (op == "'" && !operands.empty()) {
      move(0, -state_.leading);
      show(operands[0].text);
    } else if (op == "\"" && operands.size() > 2) {
      move(0, -state_.leading);
      show(operands[2].text);
    } else if (op == "TJ" && !operands.empty()) {
      for (const PdfObject& one : operands[0].items) {
        if (one.is(Type::kString)) show(one.text);
        if (one.is(Type::kNumber)) advance(-one.number / 1000 * state_.size * state_.scale);
      }
    } else if (op == "Do" && !operands.empty()) {
      form(resources, operands[0].text, depth);
    }
  }

  void move(double x, double y) { line_ = text_ = times({1, 0, 0, 1, x, y}, line_); }
  void advance(double x) { text_ = times({1, 0, 0, 1, x, 0}, text_); }

  void show(std::string_view octets) {
    if (!state_.font || octets.empty()) return;
    const PdfFont::Shown shown = state_.font->show(octets.substr(0, kMaxText));
    const Matrix where = times(text_, state_.place);
    const double size = std::abs(state_.size) * std::max(std::hypot(where[0], where[1]), 1e-6);
    if (at_.known) {
      const double along = where[4] - at_.x, across = std::abs(where[5] - at_.y);
      if (across > kLine * size)
        out_.part('\n');
      else if (along > kGap * size || along < -size)
        out_.part(' ');
    }
    out_.add(shown.text);
    advance((shown.width / 1000 * state_.size + static_cast<double>(shown.codes) * state_.character_gap +
             static_cast<double>(shown.blanks) * state_.word_gap) *
            state_.scale);
    const Matrix behind = times(text_, state_.place);
    at_ = {behind[4], behind[5], true};
  }

  std::shared_ptr<const PdfFont> font(const PdfObject& resources, const std::string& name) {
    const PdfObject fonts = file_.at(resources, "Font");
    const PdfObject* entry = fonts.get(name);
    if (!entry) return nullptr;
    if (!entry->is(Type::kReference)) return std::make_shared<PdfFont>(file_, *entry);
    auto& known = fonts_[static_cast<uint32_t>(entry->number)];
    if (!known) known = std::make_shared<PdfFont>(file_, file_.resolve(*entry));
    return known;
  }

  void form(const PdfObject& resources, const std::string& name, int depth) {
    const PdfObject object = file_.at(file_.at(resources, "XObject"), name);
    if (depth > kMaxDepth || ++forms_ > kMaxForms || !file_.at(object, "Subtype").is_name("Form")) return;
    const State before = state_;
    const Matrix line = line_, text = text_;
    const PdfObject place = file_.at(object, "Matrix");
    if (place.items.size() == 6) {
      Matrix m;
      for (size_t i = 0; i < 6; ++i) m[i] = place.items[i].number;
      state_.place = times(m, state_.place);
    }
    const PdfObject own = file_.at(object, "Resources");
    content(file_.stream(object), own.is(Type::kDict) ? own : resources, depth + 1);
    state_ = before;
    line_ = line;
    text_ = text;
  }

  const PdfFile& file_;
  Text& out_;
  State state_;
  std::vector<State> states_;
  Matrix line_ = kUnit, text_ = kUnit;
  At at_;
  size_t forms_ = 0;
  std::map<uint32_t, std::shared_ptr<const PdfFont>> fonts_;
};

}  // namespace

std::string text_of_pdf(std::string_view in) {
  const PdfFile file(in);
  Text out;
  if (file.encrypted()) return {};
  Reader reader(file, out);
  for (const PdfObject& page : file.pages()) {
    if (out.full()) break;
    reader.page(page);
  }
  return out.take();
}

}  // namespace pabal::extract
