// Text between core, which reads and writes UTF-8, and the server, whose databases have any encoding. A text argument has
// no view of its own: utf8_of() converts it, and server_text() says that it stays in the encoding of the database. What
// core returns is stored as Utf8, which only text_datum() and jsonb_datum() turn into a value of the database. So a
// forgotten conversion does not compile; pg.hpp forbids the server's own functions for it. In a database without an
// encoding (SQL_ASCII) the bytes are taken for UTF-8. No error here names a byte of a text.
#pragma once

#include "pg/base/guard.hpp"

namespace bastion::pg {

// Text of this database: of arguments, rows and settings. For other text of this database alone; core gets it only where
// every value is ASCII by the check of its table.
class ServerText {
public:
    explicit ServerText(std::string_view bytes) noexcept : data_(bytes.data()), size_(bytes.size()) {}

    [[nodiscard]] std::string_view bytes() const noexcept { return {data_, size_}; }
    [[nodiscard]] char* c_str() const;  // a copy

private:
    const char* data_;
    std::size_t size_;
};

inline ServerText server_text(const struct varlena* text) noexcept { return ServerText(as_text(view(text))); }
inline ServerText server_text(Datum value) { return server_text(DatumGetTextPP(value)); }

// Text in UTF-8, of an argument or from core.
class Utf8 {
public:
    Utf8() noexcept = default;
    explicit Utf8(std::string_view bytes) noexcept : data_(bytes.data()), size_(bytes.size()) {}

    operator std::string_view() const noexcept { return {data_, size_}; }
    [[nodiscard]] std::string_view bytes() const noexcept { return {data_, size_}; }
    [[nodiscard]] bool is_null() const noexcept { return data_ == nullptr; }

private:
    const char* data_ = nullptr;
    std::size_t size_ = 0;
};

// Phase A: the text in UTF-8; the bytes themselves if the database uses it. Raises 22P05 if UTF-8 lacks a character.
Utf8 utf8_of(ServerText text);
inline Utf8 utf8_of(const struct varlena* text) { return utf8_of(server_text(text)); }
inline Utf8 utf8_of(Datum value) { return utf8_of(DatumGetTextPP(value)); }
// The same, and null in place of the error.
Utf8 utf8_or_null(ServerText text);
// Null for a NULL argument.
inline Utf8 utf8_argument(FunctionCallInfo fcinfo, int number) {
    return PG_ARGISNULL(number) ? Utf8() : utf8_of(PG_GETARG_TEXT_PP(number));
}

// Phase B: copies text of core into the current memory context; never ereports.
[[nodiscard]] Result<void> store(Utf8& out, std::string_view utf8);

// Phases A and C: a value of type text. Raises 22P05 if the encoding of the database lacks a character.
Datum text_datum(Utf8 text);
Datum text_datum(ServerText text);
// The same, and false in place of the error.
[[nodiscard]] bool text_datum_if_possible(Utf8 text, Datum& out);

// Phase A: the elements of a text[] without nulls, as bytes of the database.
std::span<std::string_view> text_elements(Datum array);

// jsonb to and from its text.
Utf8 jsonb_text(const Jsonb* value);
Datum jsonb_datum(Utf8 json);

// The plaintext of a sealed text becomes that text, or is wiped. Raises 22021 for what is no text in this database.
struct varlena* text_of_plaintext(struct varlena* plaintext);

// Overwrites a plaintext that is not returned.
void wipe(struct varlena* value) noexcept;

}  // namespace bastion::pg
