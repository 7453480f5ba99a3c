//! See `huaweicloud_sms_fuzz::session`.
#![cfg_attr(fuzzing, no_main)]
huaweicloud_sms_fuzz::target!(session);
