//! Pickles and tensors that ask for more than their file can hold.

use crate::archive::checkpoint;
use crate::open;
use crate::pickle::{Pickle, one_tensor};

/// Checks the problem that a pickle is refused for, over one storage of six numbers.
fn check(pickle: &[u8], expected: &str) {
    let refusal = crate::refusal(&checkpoint(pickle, &[&[0.0; 6]]));
    let problem = refusal.strip_prefix("`x.pt` cannot be understood: ").unwrap();
    assert_eq!(problem.split(" (byte").next().unwrap(), expected);
}

#[test]
fn lengths_beyond_the_pickle_are_refused() {
    // What follows is the instruction to stop, of one byte.
    for (instruction, expected) in [
        (&b"\x8b\xff\xff\xff\x7f"[..], "it needs 2147483647 bytes where only 1 are left"),
        (b"\x8a\xff", "it needs 255 bytes where only 1 are left"),
        (
            b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
            "it needs 18446744073709551615 bytes where only 1 are left",
        ),
        (b"\x8d\0\0\0\0\0\0\0\x80", "it needs 9223372036854775808 bytes where only 1 are left"),
        (b"\x96\0\0\0\0\x01\0\0\0", "it needs 4294967296 bytes where only 1 are left"),
        (b"X\xff\xff\xff\xff", "it needs 4294967295 bytes where only 1 are left"),
        (b"\x95\xff\xff\xff\xff\0\0\0\0", "it needs 4294967295 bytes where only 1 are left"),
        (b"cos", "a line in it has no end"),
    ] {
        check(&Pickle::new().raw(instruction).stop(), expected);
    }
}

#[test]
fn pickles_that_take_what_is_not_there_are_refused() {
    for (instructions, expected) in [
        (&b""[..], "its pickle takes a value where none is"),
        (b"0", "its pickle takes a value where none is"),
        (b"K\x01(", "its pickle takes a value where none is"),
        (b"t", "its pickle goes back to a mark that is not set"),
        (b"h\x05", "its pickle recalls 5, which is not kept"),
        (b"q\x00", "its pickle looks at a value where none is"),
        (b"N(u", "its pickle sets keys of none"),
        (b"}(Nu", "its pickle sets a key without a value"),
        (b"}Na", "its pickle appends to a dictionary of 0"),
        (b"X\x02\0\0\0\xff\xfe", "a text in its pickle is not UTF-8"),
        (b"\xfe", "its pickle has the byte 0xfe for an instruction"),
        (b"\x80\x06", "its pickle is of protocol 6; up to 5 are read"),
        (b"K\x01", "it holds 1; expected a dictionary of weights"),
        (b"}", "it holds no tensors where weights are looked for"),
    ] {
        check(&Pickle::new().raw(instructions).stop(), expected);
    }
    check(b"\x80\x02}", "it needs 1 bytes where only 0 are left");
}

#[test]
fn nesting_and_cycles_cost_neither_stack_nor_time() {
    let nested: [(&[u8], &str); 4] = [
        (b"\x85", "it holds a tuple of 1; expected a dictionary of weights"),
        (b"]\x94a", "its pickle appends to none"),
        (b"(", "its pickle takes a value where none is"),
        (b"2", "it holds none; expected a dictionary of weights"),
    ];
    for (instruction, expected) in nested {
        check(&Pickle::new().raw(b"N").raw(&instruction.repeat(500_000)).stop(), expected);
    }
    // A dictionary in itself, under the key of the weights.
    check(
        &Pickle::new().raw(b"}q\0").text("model").raw(b"h\0s").stop(),
        "it holds no tensors where weights are looked for, but `model` (a dictionary of 1)",
    );
}

#[test]
fn instructions_are_counted() {
    check(
        &Pickle::new().raw(&b"N0".repeat(1_000_001)).stop(),
        "its pickle has over 2000000 instructions",
    );
}

#[test]
fn long_tuples_are_not_copied_by_every_call() {
    let mut pickle = Pickle::new();
    pickle.raw(b"(").raw(&b"N".repeat(1000)).raw(b"tq\0");
    check(
        &pickle.global("collections", "OrderedDict").raw(b"h\0R").stop(),
        "`collections.OrderedDict` is called with 1000 arguments of types that it does not take",
    );
}

#[test]
fn tensors_beyond_their_storage_are_refused() {
    let check_tensor = |first: i64, shape: &[i64], strides: &[i64]| {
        let expected = format!(
            "a tensor of first {first}, shape {shape:?} and strides {strides:?} is beyond its storage of 6 numbers"
        );
        check(&one_tensor(6, first, shape, strides), &expected);
    };
    check_tensor(0, &[7], &[1]);
    check_tensor(6, &[1], &[1]);
    check_tensor(1, &[2, 3], &[3, 1]);
    check_tensor(0, &[2], &[6]);
    check_tensor(i64::MAX, &[2], &[i64::MAX]);
    check_tensor(0, &[i64::MAX, i64::MAX], &[1, 1]);
    check_tensor(0, &[i64::MAX, i64::MAX, 0], &[0, 0, 0]);
    check_tensor(0, &[1 << 32, 1 << 32], &[0, 0]);
}

#[test]
fn tensors_of_negative_or_uneven_numbers_are_refused() {
    for (first, shape, strides) in
        [(-1, [1].as_slice(), [1].as_slice()), (0, &[-1], &[1]), (5, &[2], &[-1])]
    {
        let expected = format!(
            "a tensor has first {first}, shape {shape:?} and strides {strides:?}; expected none below 0"
        );
        check(&one_tensor(6, first, shape, strides), &expected);
    }
    check(&one_tensor(6, 0, &[2], &[1, 1]), "a tensor has 1 axes and 2 strides");
    check(&one_tensor(6, 0, &[1; 65], &[1; 65]), "a tensor has 65 axes");
}

#[test]
fn expanded_tensors_may_have_as_many_numbers_as_storages_have_bytes() {
    let bytes = |n: i64| checkpoint(&one_tensor(6, 0, &[n], &[0]), &[&[0.5; 6]]);
    assert_eq!(open(&bytes(24)).unwrap().read("w").unwrap().values, [0.5; 24]);
    for n in [25, 1 << 40] {
        check(
            &one_tensor(6, 0, &[n], &[0]),
            &format!("its tensors have {n} numbers in storages of 24 bytes"),
        );
    }
}

#[test]
fn storages_of_another_length_are_refused() {
    check(&one_tensor(5, 0, &[5], &[1]), "its storage `0` has 24 bytes; its tensors need 20");
    check(&one_tensor(7, 0, &[7], &[1]), "its storage `0` has 24 bytes; its tensors need 28");
    let elsewhere =
        Pickle::new().raw(b"}").text("w").tensor(("../0", 6), 0, &[6], &[1]).raw(b"s").stop();
    check(&elsewhere, "its storage `../0` is missing");
}

#[test]
fn names_are_unique_and_short() {
    let mut pickle = Pickle::new();
    pickle.raw(b"}");
    for _ in 0..2 {
        pickle.text("w").tensor(("0", 6), 0, &[6], &[1]).raw(b"s");
    }
    check(&pickle.stop(), "it has `w` twice");
    let long = "w".repeat(513);
    let mut pickle = Pickle::new();
    pickle.raw(b"}").text(&long).tensor(("0", 6), 0, &[6], &[1]).raw(b"s");
    let shown = "w".repeat(100);
    check(&pickle.stop(), &format!("the name `{shown}…` has 513 bytes; at most 512 are read"));
}
