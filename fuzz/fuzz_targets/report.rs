//! See `huaweicloud_sms_fuzz::report`.
#![cfg_attr(fuzzing, no_main)]
huaweicloud_sms_fuzz::target!(report);
